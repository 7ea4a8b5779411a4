"""How evenly embeddings are spread over the sphere."""

import numpy as np

from rtml_tf.evaluation.embeddings import normalised_embeddings
from rtml_tf.evaluation.neighbours import DEFAULT_BLOCK_SIZE
from rtml_tf.evaluation.sampling import stratified_sample

# Images up to which every pair is looked at: a quarter of a second on 2 cores.
LARGEST_PAIRED_SET = 10_000


def uniformity(
    embeddings: np.ndarray,
    *,
    limit: int = LARGEST_PAIRED_SET,
    seed: int = 0,
    block_size: int = DEFAULT_BLOCK_SIZE,
) -> float:
    """Logarithm of the mean of `exp(-2 |x - y|^2)` over all pairs of two images.

    Wang and Isola 2020 ("Understanding contrastive representation learning through alignment and
    uniformity on the hypersphere"), with their `t = 2`. Lower is more even; directions that are
    drawn evenly approach -4 as the number of dimensions grows. It takes every pair of images, so
    of a larger set `limit` images are drawn.

    Args:
        embeddings: `[N, D]`; they are normalised here.
        limit: The number of images that are looked at, at most.
        seed: Of the choice.
        block_size: Pairs held at once (4 bytes each).

    Returns:
        A number in [-8, 0], up to rounding.

    Raises:
        ValueError: If there are fewer than two embeddings, or they are not finite.
    """
    embeddings = normalised_embeddings(embeddings)
    if len(embeddings) > limit:
        embeddings = embeddings[
            stratified_sample(np.zeros(len(embeddings), np.int8), limit, seed=seed)
        ]
    count = len(embeddings)
    if count < 2:
        raise ValueError(f"uniformity needs at least two images, got {count}.")
    total = 0.0
    rows = max(1, block_size // count)
    for start in range(0, count, rows):
        potential = embeddings[start : start + rows] @ embeddings.T  # [b, N], cosines
        # -2 |x - y|^2 = 4 (<x, y> - 1) at unit length.
        potential -= 1.0
        potential *= 4.0
        np.exp(potential, out=potential)
        itself = np.diagonal(potential, start)
        total += potential.sum(dtype=np.float64) - itself.sum(dtype=np.float64)
    return float(np.log(total / (count * (count - 1))))
