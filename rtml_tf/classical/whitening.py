"""Maps that make a covariance the identity, and the covariance within classes."""

import numpy as np
import scipy.linalg
from sklearn.covariance import empirical_covariance, shrunk_covariance

# Of the largest variance; less is what rounding leaves of a direction without any.
_NUMERICAL_ZERO = 1e-12


def check_shrinkage(shrinkage: float) -> None:
    """Refuses a `shrinkage` outside of [0, 1]."""
    if not 0.0 <= shrinkage <= 1.0:
        raise ValueError(f"shrinkage must be in [0, 1], got {shrinkage}.")


def class_means(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of each example's class.

    Args:
        features: float64 `[N, F]`.
        labels: int `[N]`.

    Returns:
        float64 `[N, F]`, equal rows for examples of one class. What features deviate from it is
        the scatter within classes.
    """
    classes, members, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.zeros((len(classes), features.shape[1]))
    np.add.at(sums, members, features)
    return (sums / counts[:, np.newaxis])[members]


def whitening(deviations: np.ndarray, *, shrinkage: float) -> np.ndarray:
    """A map after which the shrunk covariance is the identity.

    The covariance is `S = (1 - s) C + s trace(C) / F I` with `C` that of the deviations, and the
    map is `x -> x W` with `W W' = S^-1`: distances become Mahalanobis distances.

    Args:
        deviations: float64 `[N, F]`, from a mean that is not computed here.
        shrinkage: `s`, in [0, 1].

    Returns:
        `W`, float64 `[F, F]`.

    Raises:
        ValueError: If `S` is singular.
    """
    check_shrinkage(shrinkage)
    covariance = shrunk_covariance(
        empirical_covariance(deviations, assume_centered=True), shrinkage=shrinkage
    )
    variances, axes = scipy.linalg.eigh(covariance)
    if not variances[0] > _NUMERICAL_ZERO * variances[-1]:
        raise ValueError(
            f"{len(deviations)} examples do not determine the covariance of {len(axes)} "
            f"components; shrinkage must be larger, got {shrinkage}."
        )
    return axes / np.sqrt(variances)
