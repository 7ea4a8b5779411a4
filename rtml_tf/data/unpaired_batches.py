"""Batches of two domains at once: labelled source images and unlabelled target images."""

import math
from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.data.augmentation_base import Augmentation, augment, augment_with_mask
from rtml_tf.data.batch_share import WHOLE, BatchShare
from rtml_tf.data.example_stream import example_stream, position_seed, shuffled
from rtml_tf.data.segmentation_source import SegmentationSource
from rtml_tf.data.source import ImageSource


class UnpairedBatches:
    """Endless batches of source images with masks and of target images, begun at any step.

    The domains may be of different length, image size and batch size; each goes through its images
    in an order of its own that changes with every epoch of its own. Nothing pairs a source image
    with a target image.

    Batch `s` is a pure function of the seed and `s`: `dataset(start_step=k)` and
    `dataset().skip(k)` are equal bit for bit.

    A batch is `{"source": {"image": float32 [B, H, W, C], "mask": int32 [B, H, W]}, "target":
    {"image": float32 [B', H', W', C]}}`, images in [0, 1], with static shapes.

    Attributes:
        source: The labelled examples.
        target: The unlabelled images.
        steps_per_epoch: Batches in an epoch.
        batch_size: `B`.
        num_classes: Classes of `source`.
        element_spec: The nested `tf.TensorSpec` of a batch.
    """

    def __init__(
        self,
        *,
        source: SegmentationSource,
        target: ImageSource,
        batch_size: int = 1,
        target_batch_size: int | None = None,
        source_augmentation: Sequence[Augmentation] = (),
        target_augmentation: Sequence[Augmentation] = (),
        steps_per_epoch: int | None = None,
        seed: int = 0,
    ):
        """Plans the batches; images are loaded only when a dataset is read.

        Args:
            source: The labelled examples, their masks as large as their images.
            target: Images without labels (see `rtml_tf.data.unlabelled`).
            batch_size: Source images in a batch.
            target_batch_size: Target images in a batch; `None`: as many.
            source_augmentation: Applied to each source image and its mask, first to last.
            target_augmentation: Applied to each target image, first to last.
            steps_per_epoch: Batches in an epoch; `None`: as many as the longer domain needs.
            seed: Non-negative; of the orders and the augmentation.

        Raises:
            ValueError: If an argument is out of range, or an augmentation does not fit.
        """
        target_batch_size = batch_size if target_batch_size is None else target_batch_size
        if batch_size < 1 or target_batch_size < 1:
            raise ValueError(
                f"batch_size and target_batch_size must be >= 1, got {batch_size} and "
                f"{target_batch_size}."
            )
        if steps_per_epoch is None:
            steps_per_epoch = math.ceil(
                max(len(source) / batch_size, len(target) / target_batch_size)
            )
        if steps_per_epoch < 1:
            raise ValueError(f"steps_per_epoch must be >= 1, got {steps_per_epoch}.")
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}.")
        if tuple(source.mask_size) != tuple(source.image_shape[:2]):
            raise ValueError(
                f"source must have masks as large as its images, got {source.mask_size} and "
                f"{source.image_shape[:2]}."
            )
        self.source = source
        self.target = target
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self.num_classes = source.num_classes
        self._target_batch_size = target_batch_size
        self._source_augmentation = tuple(source_augmentation)
        self._target_augmentation = tuple(target_augmentation)
        self._seed = seed
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
        if start_step < 0:
            raise ValueError(f"start_step must be >= 0, got {start_step}.")
        # The domains draw from different seeds: of one length, they would go in step otherwise.
        sizes = self.batch_size, self._target_batch_size
        source, target = (
            self._images(len(domain), 2 * self._seed + i, start_step, size, share)
            for i, (domain, size) in enumerate(zip((self.source, self.target), sizes))
        )
        source = source.map(self._load_source, tf.data.AUTOTUNE, deterministic=True)
        target = target.map(self._load_target, tf.data.AUTOTUNE, deterministic=True)
        batches = {
            "source": source.batch(share.rows(sizes[0]), drop_remainder=True),
            "target": target.batch(share.rows(sizes[1]), drop_remainder=True),
        }
        return tf.data.Dataset.zip(batches).prefetch(tf.data.AUTOTUNE)

    def _images(
        self, count: int, seed: int, start_step: int, batch_size: int, share: BatchShare
    ) -> tf.data.Dataset:
        examples = example_stream(
            epoch_indices=lambda epoch: shuffled(count=count, seed=seed, epoch=epoch),
            epoch_size=count,
            start=start_step * share.rows_of_all(batch_size),
        )
        examples = share.of(examples, batch_size)
        return examples.map(lambda index, position: (index, position_seed(seed, position)))

    def _load_source(self, index: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        image, mask = self.source.load(index)
        image, mask = augment_with_mask(
            image,
            mask,
            self._source_augmentation,
            seed,
            ignore_value=self.source.label_set.ignore_value,
        )
        return {"image": image, "mask": mask}

    def _load_target(self, index: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image": augment(self.target.load(index), self._target_augmentation, seed)}
