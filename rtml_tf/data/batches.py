"""Batches of images for training and for evaluation, as `tf.data` pipelines."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.data.augmentation_base import Augmentation, augment
from rtml_tf.data.batch_share import WHOLE, BatchShare
from rtml_tf.data.example_stream import position_seed
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.data.planned_batches import planned_batches
from rtml_tf.data.source import ImageSource
from rtml_tf.data.viewed_source import images_and_view, take_views


class TrainingBatches:
    """Endless batches of sampled and augmented images, that can begin at any step.

    Batch `s` is a pure function of the sampler, the seed and `s`: `dataset(start_step=k)` and
    `dataset().skip(k)` are equal bit for bit, with all images loaded and augmented in parallel.
    What augmentation does to an image depends on the seed, the step and the place in the batch.
    Of a `ViewedSource` the images are augmented, and the view is taken afterwards.

    A batch is `{"image": float32 [B, H, W, C] in [0, 1], "label": int32 [B]}` with static shapes;
    of a source of descriptors, `"image"` is float32 `[B, F]`.

    Attributes:
        source: Where the images come from.
        steps_per_epoch: Batches in an epoch.
        batch_size: `B`.
        num_classes: Classes of `source`.
        element_spec: The `tf.TensorSpec` of each part of a batch.
    """

    def __init__(
        self,
        *,
        source: ImageSource,
        sampler: PKSampler,
        augmentation: Sequence[Augmentation] = (),
        seed: int = 0,
        steps_per_epoch: int | None = None,
    ):
        """Plans the batches; images are loaded only when a dataset is read.

        Args:
            source: Where the images come from.
            sampler: Chooses the images of each batch.
            augmentation: Applied to each image, first to last.
            seed: Non-negative; seeds the augmentation (the sampler has its own).
            steps_per_epoch: Batches in an epoch; `None` leaves it to the sampler.

        Raises:
            ValueError: If an argument is out of range, the sampler needs more classes than there
                are, or an augmentation does not fit the images.
        """
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}.")
        self.source = source
        self._images, self._view = images_and_view(source)
        self._labels = tf.constant(source.labels)
        self._augmentation = tuple(augmentation)
        self._seed = seed
        self._plan = sampler.plan(source.labels, steps_per_epoch=steps_per_epoch)
        self.steps_per_epoch = self._plan.steps_per_epoch
        self.batch_size = self._plan.batch_size
        self.num_classes = source.num_classes
        # Building the pipeline once finds an augmentation that does not fit before training does.
        self.element_spec = self.dataset().element_spec

    def dataset(self, *, start_step: int = 0, share: BatchShare = WHOLE) -> tf.data.Dataset:
        """The endless batches from `start_step` on.

        Args:
            start_step: Number of the first step, counted over all epochs.
            share: What of each step to read, for how many replicas.

        Raises:
            ValueError: If `start_step` is negative, or a batch cannot be divided.
        """
        batches = planned_batches(self._plan, self._load, start_step=start_step, share=share)
        return take_views(batches, image=self._view).prefetch(tf.data.AUTOTUNE)

    def _load(self, index: tf.Tensor, position: tf.Tensor) -> dict[str, tf.Tensor]:
        image = self._images.load(index)
        image = augment(image, self._augmentation, position_seed(self._seed, position))
        return {"image": image, "label": tf.gather(self._labels, index)}


class OrderedBatches:
    """Every example once, in the order of the source, for evaluation.

    A batch is `{"image": float32 [B, H, W, C] in [0, 1], "label": int32 [B]}`, with `"image"`
    `[B, F]` for a source of descriptors; the last batch may be smaller.

    Attributes:
        source: Where the images come from.
        batch_size: Images in every batch but the last.
        labels: int32 `[N]`, the labels of the examples in the order of the batches.
        keys: The `N` names of the examples, likewise.
        num_classes: Classes of `source`.
        steps: The number of batches.
        element_spec: The `tf.TensorSpec` of each part of a batch.
    """

    def __init__(
        self,
        *,
        source: ImageSource,
        batch_size: int = 256,
        limit: int | None = None,
        seed: int = 0,
    ):
        """Chooses the examples.

        Args:
            source: Where the images come from.
            batch_size: Images in every batch but the last.
            limit: Take no more examples than this, drawn by `seed`; their order and their labels
                stay those of the source. `None` takes all.
            seed: Non-negative; used only with `limit`.

        Raises:
            ValueError: If an argument is out of range.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}.")
        if limit is not None and limit < 1:
            raise ValueError(f"limit must be >= 1 or None, got {limit}.")
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}.")
        self.source = source
        self._images, self._view = images_and_view(source)
        self.batch_size = batch_size
        self.num_classes = source.num_classes
        self._indices = np.arange(len(source))
        if limit is not None and limit < len(source):
            keys = np.random.Philox(np.random.SeedSequence(seed)).random_raw(len(source))
            self._indices = np.sort(np.argsort(keys)[:limit])
        self.labels = source.labels[self._indices]
        self.keys = tuple(source.keys[index] for index in self._indices)
        self.steps = -(-len(self._indices) // batch_size)
        self.element_spec = self.dataset().element_spec

    def dataset(self, *, first: int = 0, count: int | None = None) -> tf.data.Dataset:
        """Batches in order, once.

        Args:
            first: Number of the first batch.
            count: How many batches follow, at most; None: all.
        """
        end = None if count is None else (first + count) * self.batch_size
        rows = slice(first * self.batch_size, end)
        examples = tf.data.Dataset.from_tensor_slices((self._indices[rows], self.labels[rows]))
        images = examples.map(self._load, tf.data.AUTOTUNE, deterministic=True)
        batches = images.batch(self.batch_size)
        return take_views(batches, image=self._view).prefetch(tf.data.AUTOTUNE)

    def _load(self, index: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image": self._images.load(index), "label": label}
