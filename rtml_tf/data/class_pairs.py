"""Pairs for verification, drawn from labelled images."""

import numpy as np

from rtml_tf.data.pair_set import PairSet, stratified_folds
from rtml_tf.data.source import ImageSource


def class_pairs(
    *, source: ImageSource, pairs: int = 2_000, num_folds: int = 10, seed: int = 0
) -> PairSet:
    """Draws pairs of one class, and as many of two classes, without repetition.

    Args:
        source: The images; a class stands for a person.
        pairs: How many of each kind; fewer of both where the source does not have as many of one.
        num_folds: Folds that the pairs are dealt into.
        seed: Of the choice, non-negative.

    Raises:
        ValueError: If `pairs` is below 1, `seed` is negative, or there are fewer pairs of a kind
            than folds.
    """
    if pairs < 1:
        raise ValueError(f"pairs must be at least 1, got {pairs}.")
    if seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}.")
    labels = np.asarray(source.labels)
    by_class = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)[labels[by_class]]
    # Places are those of images in `by_class`. Each image makes a pair of one class with every
    # earlier one of its class, and a pair of two classes with every one of a later class.
    starts = np.searchsorted(labels[by_class], labels[by_class])
    ends = starts + sizes
    earlier = np.arange(len(labels)) - starts
    later = len(labels) - ends
    count = min(pairs, earlier.sum(), later.sum())
    # Raw bits are promised to stay the same in every version of NumPy.
    bits = np.random.Philox(np.random.SeedSequence(seed))
    same = _drawn(starts, earlier, count, bits)
    different = _drawn(ends, later, count, bits)
    left, right = by_class[np.concatenate([same, different], axis=1)]
    is_same = np.repeat([True, False], count)
    return PairSet(
        images=source,
        left=left,
        right=right,
        same=is_same,
        fold=stratified_folds(is_same, num_folds),
        people=[source.class_names[label] for label in labels],
    )


def _drawn(first: np.ndarray, mates: np.ndarray, count: int, bits: np.random.Philox) -> np.ndarray:
    """Draws `count` of all pairs of a place with one of its mates, in random order.

    Args:
        first: int64 `[N]`, the first mate of each place.
        mates: int64 `[N]`, how many places from there on are its mates.
        count: At most the sum of `mates`.
        bits: What to draw with.

    Returns:
        int64 `[2, count]`.
    """
    ends = np.cumsum(mates)  # Pairs are numbered from place to place.
    numbers = np.empty(0, np.uint64)
    while len(numbers) < count:
        # The bias of the remainder is below the number of pairs times 2**-64.
        numbers = np.append(numbers, bits.random_raw(count) % ends[-1].astype(np.uint64))
        _, once = np.unique(numbers, return_index=True)
        numbers = numbers[np.sort(once)]
    numbers = numbers[:count].astype(np.int64)
    place = np.searchsorted(ends, numbers, side="right")
    return np.stack([place, first[place] + numbers - (ends - mates)[place]])
