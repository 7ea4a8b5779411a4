"""The threshold that decides whether a pair is of one person, and how well it does."""

import numpy as np

from rtml_tf.evaluation import roc


def best_threshold(similarities: np.ndarray, same: np.ndarray) -> float:
    """The threshold with the highest accuracy; of several, the highest one.

    It lies half way between two similarities, or at an end where that is best.

    Args:
        similarities: `[P]`, finite.
        same: bool `[P]`.
    """
    thresholds, true_accepts, false_accepts = roc.accept_counts(similarities, same)
    best = int(np.argmax(true_accepts - false_accepts))
    if best == 0:
        return float(np.nextafter(thresholds[1], np.inf))
    if best + 1 == len(thresholds):
        return float(thresholds[best])
    middle = (thresholds[best] + thresholds[best + 1]) / 2
    # Half way between two neighbouring numbers is one of them.
    return float(middle if middle > thresholds[best + 1] else thresholds[best])


def fold_accuracies(similarities: np.ndarray, same: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Accuracy on each fold, at the threshold that is best on all others.

    Args:
        similarities: `[P]`, finite.
        same: bool `[P]`.
        fold: int `[P]`, at least two different values.

    Returns:
        float64 `[F]`, in the order of the fold numbers.

    Raises:
        ValueError: If there are fewer than two folds.
    """
    similarities = np.asarray(similarities, np.float64)
    folds = np.unique(fold)
    if len(folds) < 2:
        raise ValueError(
            "Accuracy needs at least two folds, so that the threshold of one comes from others, "
            f"got {len(folds)}."
        )
    accuracies = []
    for number in folds:
        tested = fold == number
        threshold = best_threshold(similarities[~tested], same[~tested])
        accuracies.append(np.mean((similarities[tested] >= threshold) == same[tested]))
    return np.array(accuracies)
