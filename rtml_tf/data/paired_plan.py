"""Batches of which one part is drawn by class and the other from all examples."""

import numpy as np

from rtml_tf.data.pk_sampler import PKSampler


class PairedPlan:
    """Batches whose first places hold labelled examples, and the others any.

    The first places are those of a `PKSampler` over the labelled examples. The others are filled
    from all examples, labelled or not, in passes that are each a new permutation. Where no example
    is labelled, all places are.

    Attributes:
        steps_per_epoch: Batches in an epoch, `S`.
        batch_size: Examples in a batch, `B`.
        labelled_per_batch: How many of the first places are drawn by class.
    """

    def __init__(
        self,
        *,
        labels: np.ndarray,
        sampler: PKSampler | None,
        unlabelled_per_batch: int,
        seed: int,
        steps_per_epoch: int | None = None,
    ):
        """Plans the batches.

        Args:
            labels: Integers `[N]`, `0..C-1` with each class present, or -1.
            sampler: Draws the labelled examples; None draws none.
            unlabelled_per_batch: How many examples are drawn from all.
            seed: Seed of the examples that are drawn from all; the sampler has its own.
            steps_per_epoch: Batches in an epoch; `None` is `N // B`, at least 1.

        Raises:
            ValueError: If a number is out of range, a batch would be empty, or there are too few
                classes for `sampler`.
        """
        if unlabelled_per_batch < 0:
            raise ValueError(f"unlabelled_per_batch must be >= 0, got {unlabelled_per_batch}.")
        sampled = 0 if sampler is None else sampler.batch_size
        self.batch_size = sampled + unlabelled_per_batch
        if self.batch_size == 0:
            raise ValueError("A batch would be empty without sampler and unlabelled_per_batch.")
        if steps_per_epoch is None:
            steps_per_epoch = max(1, len(labels) // self.batch_size)
        if steps_per_epoch < 1:
            raise ValueError(f"steps_per_epoch must be >= 1, got {steps_per_epoch}.")
        self.steps_per_epoch = steps_per_epoch
        self._labelled = np.flatnonzero(labels >= 0)
        self.labelled_per_batch = sampled if self._labelled.size else 0
        self._by_class = self._from_all = None
        if self.labelled_per_batch:
            self._by_class = sampler.plan(labels[self._labelled], steps_per_epoch=steps_per_epoch)
        others = self.batch_size - self.labelled_per_batch
        if others:
            # Of one class of all examples. The seed is turned into another one, so that an equal
            # seed of `sampler` does not draw the same numbers.
            other_seed = int(np.random.SeedSequence(seed).generate_state(1)[0])
            everything = PKSampler(classes_per_batch=1, images_per_class=others, seed=other_seed)
            self._from_all = everything.plan(
                np.zeros(len(labels), np.int64), steps_per_epoch=steps_per_epoch
            )

    def epoch_batches(self, epoch: int) -> np.ndarray:
        """All batches of an epoch, a pure function of the seeds and `epoch`.

        Args:
            epoch: From 0.

        Returns:
            int64 `[S, B]`, example numbers.
        """
        parts = []
        if self._by_class is not None:
            parts.append(self._labelled[self._by_class.epoch_batches(epoch)])
        if self._from_all is not None:
            parts.append(self._from_all.epoch_batches(epoch))
        return np.concatenate(parts, axis=1)
