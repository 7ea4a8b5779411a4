"""Pairs for verification, drawn from labelled images."""

import numpy as np

from rtml_tf.data.pair_set import PairSet, stratified_folds
from rtml_tf.data.source import ImageSource

# Draws for one pair that is wanted: duplicates and pairs of the other kind fall away.
_DRAWS = 4


def class_pairs(
    *, source: ImageSource, pairs: int = 2_000, num_folds: int = 10, seed: int = 0
) -> PairSet:
    """Draws pairs of one class, and as many of two classes, without repetition.

    Args:
        source: The images; a class stands for a person.
        pairs: How many of each kind; fewer where the source does not have them.
        num_folds: Folds that the pairs are dealt into.
        seed: Of the choice.

    Raises:
        ValueError: If `pairs` is below 1, or there are fewer pairs of a kind than folds.
    """
    if pairs < 1:
        raise ValueError(f"pairs must be at least 1, got {pairs}.")
    generator = np.random.default_rng(seed)
    labels = np.asarray(source.labels)
    by_class = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[by_class], labels)
    sizes = np.bincount(labels)[labels]

    first = generator.choice(np.flatnonzero(sizes > 1), _DRAWS * pairs) if max(sizes) > 1 else []
    first = np.asarray(first, np.int64)
    mates = by_class[starts[first] + generator.integers(0, sizes[first])]
    same = _distinct(first, mates, generator)[:pairs]

    left, right = generator.integers(0, len(labels), (2, _DRAWS * pairs))
    other = labels[left] != labels[right]
    different = _distinct(left[other], right[other], generator)[:pairs]

    drawn = np.concatenate([same, different])
    is_same = np.repeat([True, False], [len(same), len(different)])
    return PairSet(
        images=source,
        left=drawn[:, 0],
        right=drawn[:, 1],
        same=is_same,
        fold=stratified_folds(is_same, num_folds),
        people=[source.class_names[label] for label in labels],
    )


def _distinct(left: np.ndarray, right: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Each unordered pair of two images once, int64 `[P, 2]`, in random order."""
    pairs = np.unique(np.sort(np.stack([left, right], axis=1), axis=1), axis=0)
    return generator.permutation(pairs[pairs[:, 0] != pairs[:, 1]])
