"""What all classical methods have in common: checked arrays in, a network out."""

import abc
import numbers
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.classical.affine_embedding import AffineEmbedding


class ClassicalMethod(abc.ABC):
    """A metric that is found in closed form, on the data of the deep students.

    A method says in `solve` how the embedding of the target domain follows from the examples;
    checks, the flattening of images and the network are here.

    Attributes:
        embedding_size: The number `D` of embedding dimensions; None: as many as the data give.
        uses_source: Whether the embedding depends on the source.
        uses_labels: Whether it depends on labels.
    """

    uses_source = False
    uses_labels = False

    def __init__(self, *, embedding_size: int | None):
        """Chooses the size of the embedding.

        Raises:
            ValueError: If `embedding_size` is not an integer of at least 1, or None.
        """
        whole = isinstance(embedding_size, numbers.Integral) and embedding_size is not True
        if embedding_size is not None and not (whole and embedding_size >= 1):
            raise ValueError(
                f"embedding_size must be a positive integer or None, got {embedding_size!r}."
            )
        self.embedding_size = embedding_size

    def fit(
        self, *, source: np.ndarray | None, target: np.ndarray, labels: np.ndarray
    ) -> tf.keras.Model:
        """Finds the embedding of the target domain.

        Args:
            source: `[N, ...]`, for example the embeddings of a teacher; read in float64 and
                flattened. None where the method does not use it.
            target: `[N, H, W, C]` images or `[N, F]` descriptors of the same examples, in the same
                order.
            labels: int `[N]`, -1 for an example without label.

        Returns:
            The network of the target domain, see `AffineEmbedding.network`.

        Raises:
            ValueError: If the arrays do not fit each other or are not finite, or the method needs
                more labels, examples or dimensions than there are.
        """
        labels = np.asarray(labels)
        self.check(
            source_shape=None if source is None else np.shape(source),
            target_shape=np.shape(target),
            labels=labels,
        )
        vectors = _vectors("source", source) if self.uses_source else None
        embedding = self.solve(vectors, _vectors("target", target), labels)
        return embedding.network(input_shape=np.shape(target)[1:], name=type(self).__name__.lower())

    def check(
        self,
        *,
        source_shape: Sequence[int] | None,
        target_shape: Sequence[int],
        labels: np.ndarray,
    ) -> None:
        """Finds what is wrong with the data before anything is computed.

        Args:
            source_shape: Shape of `source`, see `fit`.
            target_shape: Shape of `target`.
            labels: int `[N]`.

        Raises:
            ValueError: As `fit`, as far as it shows in the shapes and the labels.
        """
        name = type(self).__name__
        if len(target_shape) not in (2, 4):
            raise ValueError(f"target must be [N, F] or [N, H, W, C], got {tuple(target_shape)}.")
        if self.uses_source and source_shape is None:
            raise ValueError(f"{name} learns from a source, got none.")
        if self.uses_source and (len(source_shape) < 2 or source_shape[0] != target_shape[0]):
            raise ValueError(
                "source must be [N, ...] with one row for each example of the target, got shapes "
                f"{tuple(source_shape)} and {tuple(target_shape)}."
            )
        if labels.shape != (target_shape[0],) or labels.dtype.kind not in "iu":
            raise ValueError(
                f"labels must be one integer for each of {target_shape[0]} examples, got "
                f"{labels.dtype} of shape {labels.shape}."
            )
        if labels.size and labels.min() < -1:
            raise ValueError(f"labels must be at least -1 (no label), got {labels.min()}.")
        if self.uses_labels:
            sizes = np.unique(labels[labels >= 0], return_counts=True)[1]
            if len(sizes) < 2 or sizes.max() < 2:
                raise ValueError(
                    f"{name} needs labelled examples of at least two classes, two of one class "
                    f"among them; got {sizes.sum()} labelled examples of {len(sizes)} classes."
                )

    @abc.abstractmethod
    def solve(
        self, source: np.ndarray | None, target: np.ndarray, labels: np.ndarray
    ) -> AffineEmbedding:
        """Finds the embedding from checked data.

        Args:
            source: float64 `[N, S]`; None where the method does not use it.
            target: float64 `[N, F]`.
            labels: int `[N]`, -1 for an example without label.

        Raises:
            ValueError: If the data do not determine such an embedding.
        """


def _vectors(name: str, array: np.ndarray) -> np.ndarray:
    vectors = np.asarray(array, np.float64).reshape(len(array), -1)
    if not np.isfinite(vectors).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity.")
    return vectors
