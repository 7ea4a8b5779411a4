"""Batches of the same examples in two domains, for training."""

from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.data.augmentation_base import Augmentation, augment
from rtml_tf.data.batch_share import WHOLE, BatchShare
from rtml_tf.data.example_stream import position_seed
from rtml_tf.data.paired import PairedSource
from rtml_tf.data.paired_plan import PairedPlan
from rtml_tf.data.partial_labels import UNLABELLED
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.data.planned_batches import planned_batches
from rtml_tf.data.viewed_source import images_and_view, take_views

# What the seed of an image is folded with for the augmentation of the target alone.
_TARGET = 1 << 30


class PairedBatches:
    """Endless batches of paired examples, some with labels, that can begin at any step.

    A batch is `{"source": float32 [B, ...], "target": float32 [B, ...], "label": int32 [B]}` with
    static shapes, a pure function of the sampler, the seed and its number. Its first examples are
    those of the sampler, drawn by class from the labelled ones; the others are drawn from all
    examples, with their labels hidden: -1. Where nothing is labelled all examples are of the second
    kind, and the batch is as large as before.

    Augmentation comes before the views. `augmentation` changes the one image that both views are
    taken of, so that teacher and student see the same. `target_augmentation` changes only what the
    student sees, in addition: it must find the embedding of the unchanged image in the changed one.
    This is all that can be done where the source is not computed from the image at hand, such as
    embeddings that were computed once.

    Attributes:
        pairs: The examples.
        steps_per_epoch: Batches in an epoch.
        batch_size: `B`.
        labelled_per_batch: How many of the first examples of a batch have labels.
        num_classes: Classes with labels; 1 where batches have no labels.
        element_spec: The `tf.TensorSpec` of each part of a batch.
    """

    def __init__(
        self,
        *,
        pairs: PairedSource,
        sampler: PKSampler | None = None,
        unlabelled_per_batch: int = 0,
        augmentation: Sequence[Augmentation] = (),
        target_augmentation: Sequence[Augmentation] = (),
        seed: int = 0,
        steps_per_epoch: int | None = None,
    ):
        """Plans the batches; examples are loaded only when a dataset is read.

        Args:
            pairs: The examples.
            sampler: Chooses the labelled examples of each batch; None takes none.
            unlabelled_per_batch: Examples of each batch that are drawn from all.
            augmentation: Applied to each image before both views are taken, first to last.
            target_augmentation: Applied to each image of the target alone, after that.
            seed: Non-negative; seeds the augmentation and the examples that are drawn from all.
            steps_per_epoch: Batches in an epoch; `None` is the number of examples over `B`.

        Raises:
            ValueError: If an argument is out of range, the sampler needs more classes than there
                are with labels, `augmentation` is given for two sources that are not views of one,
                or an augmentation does not fit the examples.
        """
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}.")
        self.pairs = pairs
        self._source, self._source_view = images_and_view(pairs.source)
        self._target, self._target_view = images_and_view(pairs.target)
        if augmentation and self._source is not self._target:
            raise ValueError(
                "augmentation changes the image that both views are taken of, but source and "
                "target are not views of one image source. Use target_augmentation, which changes "
                "the target alone."
            )
        self._augmentation = tuple(augmentation)
        self._target_augmentation = tuple(target_augmentation)
        self._labels = tf.constant(pairs.labels)
        self._seed = seed
        self._plan = PairedPlan(
            labels=pairs.labels,
            sampler=sampler,
            unlabelled_per_batch=unlabelled_per_batch,
            seed=seed,
            steps_per_epoch=steps_per_epoch,
        )
        self.steps_per_epoch = self._plan.steps_per_epoch
        self.batch_size = self._plan.batch_size
        self.labelled_per_batch = self._plan.labelled_per_batch
        self.num_classes = max(1, pairs.num_classes if self.labelled_per_batch else 0)
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
        viewed = take_views(batches, source=self._source_view, target=self._target_view)
        return viewed.prefetch(tf.data.AUTOTUNE)

    def _load(self, index: tf.Tensor, position: tf.Tensor) -> dict[str, tf.Tensor]:
        seed = position_seed(self._seed, position)
        target = augment(self._target.load(index), self._augmentation, seed)
        source = target if self._source is self._target else self._source.load(index)
        target_seed = tf.random.experimental.stateless_fold_in(seed, _TARGET)
        target = augment(target, self._target_augmentation, target_seed)
        labelled = position % self.batch_size < self.labelled_per_batch
        label = tf.where(labelled, tf.gather(self._labels, index), UNLABELLED)
        return {"source": source, "target": target, "label": label}
