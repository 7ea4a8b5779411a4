"""The receiver operating characteristic of pair similarities, and figures of it.

A pair is accepted (taken for the same person) if its similarity is at least the threshold. The
false accept rate (FAR) is the share of pairs of different people that are accepted, the true
accept rate (TAR) the share of pairs of the same person that are.
"""

import numpy as np


def accept_counts(
    similarities: np.ndarray, same: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts accepted pairs at every threshold that makes a difference.

    Args:
        similarities: `[P]`, finite.
        same: bool `[P]`.

    Returns:
        `(thresholds, true_accepts, false_accepts)`, each `[T + 1]` for `T` different
        similarities: float64 from infinity (nothing is accepted) down to the least similarity
        (everything is), and int64 numbers of accepted pairs of the same and of different people.

    Raises:
        ValueError: If there are no pairs, the arrays differ in length or a similarity is not
            finite.
    """
    similarities = np.asarray(similarities, np.float64)
    same = np.asarray(same, bool)
    if similarities.ndim != 1 or similarities.size == 0 or similarities.shape != same.shape:
        raise ValueError(
            "similarities and same must hold one entry a pair, and at least one, got arrays of "
            f"shapes {similarities.shape} and {same.shape}."
        )
    if not np.isfinite(similarities).all():
        raise ValueError(
            f"similarities must be finite, got {np.count_nonzero(~np.isfinite(similarities))} of "
            f"{len(similarities)} that are not."
        )
    thresholds, place = np.unique(-similarities, return_inverse=True)
    true_accepts = np.cumsum(np.bincount(place[same], minlength=len(thresholds)))
    false_accepts = np.cumsum(np.bincount(place[~same], minlength=len(thresholds)))
    return (
        np.concatenate([[np.inf], -thresholds]),
        np.concatenate([[0], true_accepts]),
        np.concatenate([[0], false_accepts]),
    )


def roc_curve(
    similarities: np.ndarray, same: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The curve of TAR over FAR.

    Args:
        similarities: `[P]`, finite.
        same: bool `[P]`, pairs of both kinds.

    Returns:
        `(far, tar, thresholds)`, each float64 `[T + 1]`, from (0, 0) at infinity to (1, 1).

    Raises:
        ValueError: If all pairs are of one kind, or as `accept_counts`.
    """
    thresholds, true_accepts, false_accepts = accept_counts(similarities, same)
    if true_accepts[-1] == 0 or false_accepts[-1] == 0:
        raise ValueError(
            "A ROC curve needs pairs of the same person and of different people, got "
            f"{true_accepts[-1]} and {false_accepts[-1]}."
        )
    return false_accepts / false_accepts[-1], true_accepts / true_accepts[-1], thresholds


def area_under_curve(far: np.ndarray, tar: np.ndarray) -> float:
    """Area under the ROC curve: how often a pair of one person is the more similar one.

    A tie counts one half, which is what the trapezoid rule gives.

    Args:
        far: `[T + 1]`, rising from 0 to 1.
        tar: `[T + 1]`, likewise.
    """
    return float(np.trapz(tar, far))


def equal_error_rate(far: np.ndarray, tar: np.ndarray) -> float:
    """The rate at which as many pairs are falsely accepted as falsely rejected, `FAR = 1 - TAR`.

    The curve is taken as straight between its points.

    Args:
        far: `[T + 1]`, rising from 0 to 1.
        tar: `[T + 1]`, likewise.
    """
    excess = far - (1.0 - tar)  # Rises from -1 to 1.
    after = int(np.argmax(excess >= 0.0))
    share = -excess[after - 1] / (excess[after] - excess[after - 1])
    return float(far[after - 1] + share * (far[after] - far[after - 1]))


def true_accept_rate(far: np.ndarray, tar: np.ndarray, at: float) -> float:
    """The highest TAR of a threshold whose FAR is at most `at`; no interpolation.

    Args:
        far: `[T + 1]`, rising from 0 to 1.
        tar: `[T + 1]`, likewise.
        at: In (0, 1]. Where it is below one over the number of pairs of different people, the
            result is the TAR without a false accept.
    """
    return float(tar[np.searchsorted(far, at, side="right") - 1])
