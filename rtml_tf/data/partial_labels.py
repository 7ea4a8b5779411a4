"""Labels for some classes or some examples only."""

import math

import numpy as np

UNLABELLED = -1


def partial_labels(
    labels: np.ndarray, *, classes: float = 1.0, examples: float = 1.0, seed: int = 0
) -> np.ndarray:
    """Hides labels by chance.

    First a share of the classes is drawn, then a share of all the examples of these. Shares are
    rounded to whole classes and examples, but to none only where they are 0. With the same seed, a
    smaller share of the examples of the same classes is a part of a larger one, and so is a smaller
    share of the classes with all their examples; a share of the examples of fewer classes is not.

    Args:
        labels: Integers `[N]`, from 0 on.
        classes: The share of the classes that keep labels, in [0, 1].
        examples: The share of the examples of these classes that do, in [0, 1].
        seed: Non-negative.

    Returns:
        int32 `[N]`: the label, or -1 where it is hidden.

    Raises:
        ValueError: If an argument is out of range.
    """
    for name, share in (("classes", classes), ("examples", examples)):
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"The share of labelled {name} must be in [0, 1], got {share}.")
    if seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}.")
    labels = np.asarray(labels, np.int32)
    # Raw bits are promised to stay the same in every version of NumPy.
    bits = np.random.Philox(np.random.SeedSequence(seed))
    class_order = np.argsort(bits.random_raw(int(labels.max()) + 1))
    example_order = np.argsort(bits.random_raw(len(labels)))
    kept_classes = class_order[: _part(classes, len(class_order))]
    candidates = example_order[np.isin(labels[example_order], kept_classes)]
    kept = candidates[: _part(examples, len(candidates))]
    result = np.full(len(labels), UNLABELLED, np.int32)
    result[kept] = labels[kept]
    return result


def _part(share: float, total: int) -> int:
    return max(1, math.floor(share * total + 0.5)) if share > 0.0 else 0
