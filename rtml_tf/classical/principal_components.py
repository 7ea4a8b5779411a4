"""Principal components: what most classical methods start with."""

import numbers

import numpy as np
from sklearn.decomposition import PCA

from rtml_tf.classical.affine_embedding import AffineEmbedding

# Of the largest variance. Below it there is rounding of float32 features, not data.
_NUMERICAL_ZERO = 1e-10


def check_components(components: int | float | None) -> None:
    """Refuses numbers of components that `principal_components` does not take.

    Raises:
        ValueError: If `components` is neither None, nor an integer of at least 1, nor a float in
            (0, 1).
    """
    if components is None:
        return
    whole = isinstance(components, numbers.Integral) and not isinstance(components, bool)
    if not (components >= 1 if whole else isinstance(components, float) and 0 < components < 1):
        raise ValueError(
            "components must be an integer of at least 1, a share of the variance in (0, 1) or "
            f"None, got {components!r}."
        )


def principal_components(
    features: np.ndarray, *, components: int | float | None
) -> AffineEmbedding:
    """Finds the directions in which features vary most.

    Directions without variance (pixels that never change, copies of others, fewer examples than
    features) are always left out, so that what follows never divides by their variance.

    O(N F min(N, F)) time, O(N F + F^2) memory at most.

    Args:
        features: float64 `[N, F]`.
        components: How many directions; a float in (0, 1): as many as hold this share of the
            variance; None: all that have any.

    Returns:
        The centred projection, with orthonormal columns in order of falling variance.

    Raises:
        ValueError: If the features do not vary in `components` directions.
    """
    check_components(components)
    examples, size = features.shape
    if np.array_equal(features, np.broadcast_to(features[0], features.shape)):
        raise ValueError(f"features must vary, got {examples} equal examples.")
    # The eigenvectors of the covariance are cheaper to get where there are many examples.
    solver = "covariance_eigh" if examples > 2 * size else "full"
    # Scikit-learn subtracts the mean from the covariance, where a large one leaves no digits.
    mean = features.mean(axis=0)
    pca = PCA(svd_solver=solver).fit(features - mean)
    variances = pca.explained_variance_
    rank = int(np.count_nonzero(variances > _NUMERICAL_ZERO * variances[0]))
    if components is None:
        kept = rank
    elif isinstance(components, float):
        shares = np.cumsum(variances[:rank]) / variances[:rank].sum()
        kept = min(int(np.searchsorted(shares, components)) + 1, rank)
    else:
        kept = int(components)
    if kept > rank:
        raise ValueError(
            f"components must be at most {rank}, the number of directions in which {examples} "
            f"examples of {size} features vary, got {components}."
        )
    return AffineEmbedding.centred(pca.components_[:kept].T, mean)
