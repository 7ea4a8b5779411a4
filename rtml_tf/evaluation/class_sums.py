"""Sums of embeddings over classes, from which means over all pairs of a class follow exactly."""

from collections.abc import Iterator

import numpy as np


class ClassSums:
    """What is left of the classes once their embeddings are added up.

    The inner products of all ordered pairs of two images of a class add up to
    `|sum of e|^2 - sum of |e|^2`: time and memory do not grow with the number of pairs. Sums are
    float64, and the matrix of all class means is never made.

    Attributes:
        sizes: float64 `[C]`, the images of each class.
        squared_lengths: float64 `[C]`, `sum of |e|^2`.
        squared_sums: float64 `[C]`, `|sum of e|^2`.
    """

    def __init__(self, embeddings: np.ndarray, labels: np.ndarray):
        """Adds up.

        Args:
            embeddings: `[N, D]`.
            labels: int `[N]`, any numbers.

        Raises:
            ValueError: If `labels` are not one number an embedding.
        """
        labels = np.asarray(labels)
        if labels.shape != (len(embeddings),):
            raise ValueError(
                f"labels must have one entry for each of {len(embeddings)} embeddings, got an "
                f"array of shape {labels.shape}."
            )
        _, self._classes = np.unique(labels, return_inverse=True)
        self._embeddings = embeddings
        lengths = np.einsum("nd,nd->n", embeddings, embeddings, dtype=np.float64)
        self.sizes = np.bincount(self._classes).astype(np.float64)
        self.squared_lengths = np.bincount(self._classes, lengths)
        self.squared_sums = sum(column * column for column in self.by_dimension())

    def by_dimension(self) -> Iterator[np.ndarray]:
        """The sums of all classes, float64 `[C]`, one dimension after the other."""
        return (np.bincount(self._classes, column) for column in self._embeddings.T)
