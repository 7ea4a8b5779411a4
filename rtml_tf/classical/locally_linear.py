"""Each point as a weighted mean of its neighbours (locally linear embedding)."""

import numpy as np
import scipy.sparse

from rtml_tf.classical.local_structure import LocalStructure

_POINTS_AT_ONCE = 512


class LocallyLinear(LocalStructure):
    """Each point as a weighted mean of its neighbours: the weights are to stay right.

    The weights of a point's neighbours sum to 1 and give the least squared error
    `|x_i - sum_j w_ij x_j|^2 + r |w_i|^2`, with `r = regularization` times the sum of the squared
    distances to the neighbours; then `M = (I - W)' (I - W)`. Source: Roweis, Saul, "Nonlinear
    dimensionality reduction by locally linear embedding", Science 2000.

    Attributes:
        neighbours: See `LocalStructure`.
        regularization: Above 0: with more neighbours than dimensions the weights would be open.
    """

    def __init__(self, *, neighbours: int = 10, regularization: float = 1e-3):
        """Chooses the neighbourhoods.

        Raises:
            ValueError: If `neighbours` is below 1 or `regularization` not above 0.
        """
        super().__init__(neighbours=neighbours)
        if not (regularization > 0.0 and np.isfinite(regularization)):
            raise ValueError(f"regularization must be above 0 and finite, got {regularization}.")
        self.regularization = regularization

    def matrix(self, points: np.ndarray) -> scipy.sparse.csr_array:
        _, indices = self.nearest(points)
        blocks = range(0, len(points), _POINTS_AT_ONCE)
        weights = [self._weights(points, i, indices[i : i + _POINTS_AT_ONCE]) for i in blocks]
        residual = scipy.sparse.eye_array(len(points)) - self.graph(
            indices, np.concatenate(weights)
        )
        return scipy.sparse.csr_array(residual.T @ residual)

    def _weights(self, points: np.ndarray, start: int, indices: np.ndarray) -> np.ndarray:
        """The weights `[n, k]` of the points from `start` on."""
        differences = points[indices] - points[start : start + len(indices), np.newaxis]
        gram = differences @ differences.transpose(0, 2, 1)  # [n, k, k]
        traces = np.trace(gram, axis1=1, axis2=2)
        # Neighbours that are all equal to the point may have any weights.
        ridge = np.where(traces > 0.0, self.regularization * traces, 1.0)
        gram += ridge[:, np.newaxis, np.newaxis] * np.eye(self.neighbours)
        weights = np.linalg.solve(gram, np.ones((len(indices), self.neighbours, 1)))[..., 0]
        return weights / weights.sum(axis=1, keepdims=True)
