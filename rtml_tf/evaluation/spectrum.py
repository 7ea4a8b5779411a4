"""How evenly embeddings use their dimensions: singular values and their decay."""

import numpy as np

from rtml_tf.evaluation.embeddings import normalised_embeddings
from rtml_tf.evaluation.sampling import stratified_sample

# Singular values that are computed at most: half a second on 2 cores.
LARGEST_SPECTRUM = 2_048
# A singular value below this share of the largest one is rounding: a float32 network leaves some
# 1e-7 in directions that it does not use.
_ROUNDING = 1e-6
_ROWS_AT_ONCE = 4_096


def singular_values(
    embeddings: np.ndarray, *, centred: bool, limit: int = LARGEST_SPECTRUM, seed: int = 0
) -> np.ndarray:
    """Singular values of the matrix of all embeddings, largest first.

    They are the roots of the eigenvalues of `E'E` (or of `EE'`, whichever is smaller), summed in
    float64: of embeddings that are exact, values below 1e-8 of the largest are rounding. Where
    there are more than `limit` images and more than `limit` dimensions, they are those of `limit`
    images, drawn by `seed`.

    Args:
        embeddings: `[N, D]`; they are normalised here.
        centred: Whether the mean embedding is taken away first.
        limit: The number of singular values, at most.
        seed: Of the choice.

    Returns:
        float64 `[min(N, D)]`, or `[min(N - 1, D)]` if centred: as many as can differ from 0.

    Raises:
        ValueError: If the embeddings are empty or not finite.
    """
    embeddings = normalised_embeddings(embeddings)
    if min(embeddings.shape) > limit:
        drawn = stratified_sample(np.zeros(len(embeddings), np.int8), limit, seed=seed)
        embeddings = embeddings[drawn]
    count, dimensions = embeddings.shape
    mean = embeddings.mean(axis=0, dtype=np.float64) if centred else np.zeros(dimensions)
    if dimensions <= count:
        products = np.zeros((dimensions, dimensions))
        for start in range(0, count, _ROWS_AT_ONCE):
            block = embeddings[start : start + _ROWS_AT_ONCE] - mean
            products += block.T @ block
    else:
        block = embeddings - mean
        products = block @ block.T
    squared = np.linalg.eigvalsh(products)[::-1][: min(count - centred, dimensions)]
    return np.sqrt(np.maximum(squared, 0.0))


def spectral_rank(values: np.ndarray) -> int:
    """How many directions the embeddings use: singular values above 1e-6 of the largest.

    Args:
        values: `[K]`, not negative.
    """
    return len(_in_use(values))


def spectral_decay(values: np.ndarray) -> float:
    """`rho = KL(uniform || values / sum(values))`: 0 where all singular values are equal.

    Roth et al. 2020 ("Revisiting training strategies and generalization performance in deep metric
    learning"), section 5. A direction that is not used at all, as where the last layer has fewer
    inputs than the embedding has dimensions, would make it infinite, or the logarithm of what
    rounding leaves there. Here it is taken of the `spectral_rank` values that are in use, the
    same for embeddings of full rank.

    Args:
        values: `[K]`, not negative.

    Returns:
        A number of at least 0; 0 as well where all values are 0.
    """
    values = _in_use(values)
    if not len(values):
        return 0.0
    # sum(u log(u / s)) with u = 1 / K
    return float(-np.log(len(values) * values / values.sum()).mean())


def _in_use(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    return values[values > _ROUNDING * values.max(initial=0.0)]
