"""Labelled batches of a source beside unlabelled images of a target, for embedding networks."""

from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.data.augmentation_base import Augmentation, augment
from rtml_tf.data.batch_share import WHOLE, BatchShare
from rtml_tf.data.batches import TrainingBatches
from rtml_tf.data.example_stream import example_stream, position_seed, shuffled
from rtml_tf.data.source import ImageSource


class AdaptationBatches:
    """Endless batches of two domains: those of a `TrainingBatches`, and images without labels.

    Batch `s` is a pure function of the seeds and `s`, as in `TrainingBatches`. The target goes
    through its images in an order that changes with every epoch of its own; its labels are unused.

    A batch is `{"source": {"image": float32 [B, H, W, C], "label": int32 [B]}, "target": {"image":
    float32 [B', H', W', C]}}`, images in [0, 1], with static shapes.

    Attributes:
        source: The labelled batches.
        target: The unlabelled images.
        steps_per_epoch: Batches in an epoch, those of the source.
        batch_size: `B`.
        num_classes: Classes of the source.
        element_spec: The nested `tf.TensorSpec` of a batch.
    """

    def __init__(
        self,
        *,
        source: TrainingBatches,
        target: ImageSource,
        target_batch_size: int | None = None,
        target_augmentation: Sequence[Augmentation] = (),
        seed: int = 0,
    ):
        """Plans the batches; images are loaded only when a dataset is read.

        Args:
            source: The labelled batches, with sampler and augmentation of their own.
            target: The unlabelled images.
            target_batch_size: `B'`; None: as many as of the source.
            target_augmentation: Applied to each target image, first to last.
            seed: Non-negative; of the target's order and augmentation.

        Raises:
            ValueError: If an argument is out of range, or an augmentation does not fit the images.
        """
        size = source.batch_size if target_batch_size is None else target_batch_size
        if size < 1:
            raise ValueError(f"target_batch_size must be >= 1, got {size}.")
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}.")
        self.source = source
        self.target = target
        self.steps_per_epoch = source.steps_per_epoch
        self.batch_size = source.batch_size
        self.num_classes = source.num_classes
        self._target_batch_size = size
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
        source = self.source.dataset(start_step=start_step, share=share)
        count = len(self.target)
        target = example_stream(
            epoch_indices=lambda epoch: shuffled(count=count, seed=self._seed, epoch=epoch),
            epoch_size=count,
            start=start_step * share.rows_of_all(self._target_batch_size),
        )
        target = share.of(target, self._target_batch_size)
        target = target.map(self._load, tf.data.AUTOTUNE, deterministic=True)
        target = target.batch(share.rows(self._target_batch_size), drop_remainder=True)
        return tf.data.Dataset.zip({"source": source, "target": target}).prefetch(tf.data.AUTOTUNE)

    def _load(self, index: tf.Tensor, position: tf.Tensor) -> dict[str, tf.Tensor]:
        image = self.target.load(index)
        # The source draws from a seed that is not negative, and as a rule from the same: at one
        # position both images would be changed alike.
        seed = position_seed(-1 - self._seed, position)
        return {"image": augment(image, self._target_augmentation, seed)}
