"""What every set of labelled images offers, wherever its images come from."""

import abc
from collections.abc import Sequence

import numpy as np
import tensorflow as tf


class ImageSource(abc.ABC):
    """A finite, ordered set of labelled images, or descriptors of images, of one shape.

    A source knows its labels at once and loads an image only when asked, inside the graph of a
    `tf.data` pipeline. Samplers work on the labels, pipelines on `load`.

    Attributes:
        labels: int32 `[N]`, dense class numbers `0..C-1`.
        class_names: The `C` names of the classes, in label order.
        keys: `N` unique names of the examples (for files: the path below the root).
        image_shape: `(height, width, channels)` of every image; `(F,)` for a source of
            descriptors.
        resize_to: What files are resized to before the centre is cut out, see `ImageFiles`; None
            where nothing is cut out.
    """

    labels: np.ndarray
    class_names: tuple[str, ...]
    keys: tuple[str, ...]
    image_shape: tuple[int, ...]
    resize_to: int | tuple[int, int] | None = None

    @property
    def num_classes(self) -> int:
        """The number of classes `C`."""
        return len(self.class_names)

    def __len__(self) -> int:
        return len(self.labels)

    @abc.abstractmethod
    def load(self, index: tf.Tensor) -> tf.Tensor:
        """Loads one image, as graph operations.

        Args:
            index: int64 scalar in `[0, N)`.

        Returns:
            float32 `image_shape` with its static shape set; the values of images in [0, 1].
        """


class Subset(ImageSource):
    """Some examples of another source, in the given order, relabelled `0..C'-1`.

    Classes keep the order that they have in `source`; classes without an example are dropped.
    """

    def __init__(self, source: ImageSource, indices: Sequence[int] | np.ndarray):
        """Selects `indices` of `source`.

        Raises:
            ValueError: If `indices` is empty, not one-dimensional or out of range.
        """
        indices = checked_indices(indices, count=len(source))
        kept, labels = np.unique(source.labels[indices], return_inverse=True)
        self.labels = labels.astype(np.int32)
        self.class_names = tuple(source.class_names[label] for label in kept)
        self.keys = tuple(source.keys[index] for index in indices)
        self.image_shape = source.image_shape
        self.resize_to = source.resize_to
        self._source = source
        # An eager tensor is handed to the pipelines once; a constant would be copied into each.
        with tf.device("CPU:0"):
            self._indices = tf.constant(indices)

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return self._source.load(tf.gather(self._indices, index))


def checked_indices(indices: Sequence[int] | np.ndarray, *, count: int) -> np.ndarray:
    """The numbers of some of `count` examples: int64 `[N]`.

    Raises:
        ValueError: If `indices` is empty, not one-dimensional or out of range.
    """
    indices = np.asarray(indices, dtype=np.int64)
    if indices.ndim != 1 or indices.size == 0:
        raise ValueError(
            "indices must be a non-empty list of example numbers, got an array of shape "
            f"{indices.shape}."
        )
    if indices.min() < 0 or indices.max() >= count:
        raise ValueError(
            f"indices must lie in [0, {count}), got values from {indices.min()} to {indices.max()}."
        )
    return indices
