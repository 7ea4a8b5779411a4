"""Batches of P classes with K images each."""

import numpy as np


class PKSampler:
    """Draws `P` classes, and `K` images of each, for every batch.

    The batches of an epoch are a pure function of (seed, epoch): a run that is resumed at any step
    sees the batches that it would have seen.

    * Classes go by in passes, each a new permutation of all of them, without a break between
      passes: after any number of batches of an epoch the classes have been used equally often in
      it, up to one. Every epoch begins with a new pass. No batch holds a class twice.
    * Within an epoch the images of a class are taken in turn, in rounds that each begin with a new
      permutation and end when fewer than `K` are left. Where the classes are of one size that `K`
      divides, `P * K` divides the number of all images and an epoch has its default length, every
      image is seen once in it.
    * Images in a batch are distinct, unless a class has fewer than `K`: its images are drawn with
      replacement.
    * Every batch is full.

    Sampling in batches of this form: Hermans et al., "In Defense of the Triplet Loss for Person
    Re-Identification", 2017, section 2.

    Attributes:
        classes_per_batch: `P`.
        images_per_class: `K`.
        batch_size: `P * K`.
        seed: The seed of all draws.
    """

    def __init__(self, *, classes_per_batch: int, images_per_class: int, seed: int = 0):
        """Sets the form of the batches.

        Args:
            classes_per_batch: `P`, at least 1.
            images_per_class: `K`, at least 1.
            seed: Non-negative.

        Raises:
            ValueError: If an argument is out of range.
        """
        if classes_per_batch < 1:
            raise ValueError(f"classes_per_batch must be >= 1, got {classes_per_batch}.")
        if images_per_class < 1:
            raise ValueError(f"images_per_class must be >= 1, got {images_per_class}.")
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}.")
        self.classes_per_batch = classes_per_batch
        self.images_per_class = images_per_class
        self.batch_size = classes_per_batch * images_per_class
        self.seed = seed

    def plan(self, labels: np.ndarray, *, steps_per_epoch: int | None = None) -> "PKPlan":
        """The batches of this sampler for given labels.

        Args:
            labels: Integers `[N]`, `0..C-1`, with each class present.
            steps_per_epoch: Batches in an epoch; `None` is `N // (P * K)`, at least 1.

        Raises:
            ValueError: If there are fewer than `P` classes, a class is absent, or
                `steps_per_epoch` is below 1.
        """
        return PKPlan(self, labels, steps_per_epoch)


class PKPlan:
    """The batches that a `PKSampler` makes of given labels.

    Attributes:
        steps_per_epoch: Batches in an epoch, `S`.
        batch_size: `P * K`.
    """

    def __init__(self, sampler: PKSampler, labels: np.ndarray, steps_per_epoch: int | None = None):
        """See `PKSampler.plan`."""
        labels = np.asarray(labels)
        # Images sorted by class: those of class c lie at starts[c] .. starts[c] + sizes[c].
        self._sizes = np.bincount(labels)
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._images = np.argsort(labels, kind="stable")
        if len(self._sizes) < sampler.classes_per_batch:
            raise ValueError(
                f"classes_per_batch is {sampler.classes_per_batch}, but there are only "
                f"{len(self._sizes)} classes to draw from."
            )
        if not self._sizes.all():
            absent = np.flatnonzero(self._sizes == 0)
            raise ValueError(
                f"labels must hold every class from 0 to {len(self._sizes) - 1}, got none of class "
                f"{absent[0]} ({absent.size} are absent)."
            )
        if steps_per_epoch is None:
            steps_per_epoch = max(1, len(labels) // sampler.batch_size)
        if steps_per_epoch < 1:
            raise ValueError(f"steps_per_epoch must be >= 1, got {steps_per_epoch}.")
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = sampler.batch_size
        self._sampler = sampler
        self._latest: tuple[int, np.ndarray] | None = None

    def batch(self, *, epoch: int, step: int) -> np.ndarray:
        """One batch.

        Args:
            epoch: From 0.
            step: Within the epoch, in `[0, S)`.

        Returns:
            int64 `[P * K]`, example numbers; images of a class stand side by side.

        Raises:
            ValueError: If `epoch` or `step` is out of range.
        """
        if not 0 <= step < self.steps_per_epoch:
            raise ValueError(f"step must be in [0, {self.steps_per_epoch}), got {step}.")
        latest = self._latest
        if latest is None or latest[0] != epoch:
            latest = self._latest = (epoch, self.epoch_batches(epoch))
        return latest[1][step]

    def epoch_batches(self, epoch: int) -> np.ndarray:
        """All batches of an epoch.

        Returns:
            int64 `[S, P * K]`; row `s` is `batch(epoch=epoch, step=s)`.

        Raises:
            ValueError: If `epoch` is negative.
        """
        if epoch < 0:
            raise ValueError(f"epoch must be >= 0, got {epoch}.")
        bits = np.random.Philox(np.random.SeedSequence([self._sampler.seed, epoch]))
        classes = self._classes(bits)
        images = np.empty((len(classes), self._sampler.images_per_class), np.int64)
        large = self._sizes[classes] >= self._sampler.images_per_class
        images[large] = self._in_turn(classes[large], bits)
        images[~large] = self._with_replacement(classes[~large], bits)
        return images.reshape(self.steps_per_epoch, self.batch_size)

    def _classes(self, bits: np.random.Philox) -> np.ndarray:
        """The classes of an epoch, `[S * P]`."""
        per_batch = self._sampler.classes_per_batch
        needed = self.steps_per_epoch * per_batch
        passes, drawn = [], 0
        while drawn < needed:
            # Raw bits are promised to stay the same in every version of NumPy.
            order = np.argsort(bits.random_raw(len(self._sizes)))
            begun = drawn % per_batch
            if begun:
                # The pass before left a batch unfinished. Its classes must not return in that
                # batch, so the first others of the new pass are brought forward to fill it.
                others = np.flatnonzero(~np.isin(order, passes[-1][-begun:]))[: per_batch - begun]
                order = np.concatenate([order[others], np.delete(order, others)])
            passes.append(order)
            drawn += len(order)
        return np.concatenate(passes)[:needed]

    def _in_turn(self, classes: np.ndarray, bits: np.random.Philox) -> np.ndarray:
        """Distinct images for each entry of `classes`, in rounds: `[M]` -> `[M, K]`."""
        per_class = self._sampler.images_per_class
        # visit[i]: how often the class of entry i came before.
        uses = np.bincount(classes, minlength=len(self._sizes))
        visit = np.empty(len(classes), np.int64)
        visit[np.argsort(classes, kind="stable")] = np.arange(len(classes)) - _starts(uses)
        visits_per_round = np.maximum(self._sizes // per_class, 1)
        # A block is a permutation of the images of one class, for one round.
        rounds = -(-uses // visits_per_round)
        block_class = np.repeat(np.arange(len(rounds)), rounds)
        block_sizes = self._sizes[block_class]
        block_starts = np.cumsum(block_sizes) - block_sizes
        block = np.repeat(np.arange(len(block_class)), block_sizes)
        place = np.arange(len(block)) - _starts(block_sizes)
        images = self._images[self._starts[block_class][block] + place]
        images = images[np.lexsort((bits.random_raw(len(images)), block))]
        visit_round, visit_in_round = np.divmod(visit, visits_per_round[classes])
        first = (np.cumsum(rounds) - rounds)[classes] + visit_round
        first = block_starts[first] + visit_in_round * per_class
        return images[first[:, np.newaxis] + np.arange(per_class)]

    def _with_replacement(self, classes: np.ndarray, bits: np.random.Philox) -> np.ndarray:
        """Images for each entry of `classes`, with replacement: `[M]` -> `[M, K]`."""
        shape = (len(classes), self._sampler.images_per_class)
        # The bias of the remainder is below the class size times 2**-64.
        offsets = bits.random_raw(shape) % self._sizes[classes].astype(np.uint64)[:, np.newaxis]
        return self._images[self._starts[classes][:, np.newaxis] + offsets.astype(np.int64)]


def _starts(sizes: np.ndarray) -> np.ndarray:
    """For runs of these sizes, where the run of each element starts: `[2, 1]` -> `[0, 0, 2]`."""
    return np.repeat(np.cumsum(sizes) - sizes, sizes)
