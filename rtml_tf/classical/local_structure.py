"""How points lie among their nearest neighbours, as a quadratic form."""

import abc

import numpy as np
import scipy.sparse
from sklearn.neighbors import NearestNeighbors


class LocalStructure(abc.ABC):
    """How points lie among their neighbours, as a quadratic form that is small if others lie so.

    Neighbours are found by exact search, in O(N^2 F) time and O(N k) memory.

    Attributes:
        neighbours: `k`, how many neighbours each point has.
    """

    def __init__(self, *, neighbours: int):
        """Chooses the size of neighbourhoods.

        Raises:
            ValueError: If `neighbours` is below 1.
        """
        if neighbours < 1:
            raise ValueError(f"neighbours must be at least 1, got {neighbours}.")
        self.neighbours = neighbours

    @abc.abstractmethod
    def matrix(self, points: np.ndarray) -> scipy.sparse.csr_array:
        """The matrix `M` of the quadratic form.

        For other coordinates `y` of the same points, `y' M y` says how badly the structure is kept.

        Args:
            points: float64 `[N, F]`.

        Returns:
            Sparse float64 `[N, N]`, symmetric and positive semi-definite; its rows sum to 0.

        Raises:
            ValueError: If there are not more points than `neighbours`.
        """

    def nearest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distances and indices, both `[N, k]`, of each point's neighbours without itself."""
        if len(points) <= self.neighbours:
            raise ValueError(
                f"there must be more than neighbours={self.neighbours} examples, got {len(points)}."
            )
        search = NearestNeighbors(n_neighbors=self.neighbours, algorithm="brute").fit(points)
        return search.kneighbors()

    def graph(self, indices: np.ndarray, weights: np.ndarray) -> scipy.sparse.csr_array:
        """The sparse `[N, N]` with `weights` `[N, k]` from each point to its neighbours."""
        rows = np.arange(0, indices.size + 1, self.neighbours)
        return scipy.sparse.csr_array(
            (weights.ravel(), indices.ravel(), rows), shape=(len(indices), len(indices))
        )
