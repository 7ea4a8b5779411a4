"""The Laplacian of a graph of nearest neighbours."""

import numpy as np
import scipy.sparse

from rtml_tf.classical.local_structure import LocalStructure


class NeighbourLaplacian(LocalStructure):
    """The Laplacian of a graph of nearest neighbours: neighbours are to stay close.

    Two points have an edge if one of them is among the `k` nearest of the other, of the weight
    `exp(-|x_i - x_j|^2 / (2 t))` (heat kernel), with `t` the mean squared distance between
    neighbours unless it is given. Source: Belkin, Niyogi, "Laplacian eigenmaps for dimensionality
    reduction and data representation", Neural Computation 2003.

    Attributes:
        neighbours: See `LocalStructure`.
        variance: `t`, in squared units of the features; None: from the data; infinity: all
            weights are 1.
    """

    def __init__(self, *, neighbours: int = 10, variance: float | None = None):
        """Chooses the graph.

        Raises:
            ValueError: If `neighbours` is below 1 or `variance` not above 0.
        """
        super().__init__(neighbours=neighbours)
        if variance is not None and not variance > 0.0:
            raise ValueError(f"variance must be above 0 or None, got {variance}.")
        self.variance = variance

    def matrix(self, points: np.ndarray) -> scipy.sparse.csr_array:
        distances, indices = self.nearest(points)
        squares = np.square(distances)
        variance = self.variance
        if variance is None:
            variance = max(squares.mean(), np.finfo(np.float64).tiny)
        directed = self.graph(indices, np.exp(-squares / (2.0 * variance)))
        weights = directed.maximum(directed.T)
        return scipy.sparse.csr_array(scipy.sparse.diags_array(weights.sum(axis=1)) - weights)
