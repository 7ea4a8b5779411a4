"""What every set of images with a class for each pixel offers, wherever they come from."""

import abc
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.data.label_set import LabelSet
from rtml_tf.data.source import checked_indices


class SegmentationSource(abc.ABC):
    """A finite, ordered set of images of one size, each with a mask.

    Attributes:
        label_set: The classes, their colours and the ignore value.
        keys: `N` unique names of the examples (for files: the path below the root).
        image_shape: `(height, width, channels)` of every image.
        mask_size: `(height, width)` of every mask. Masks may be larger than the images, so that
            an evaluation can count pixels at full resolution.
    """

    label_set: LabelSet
    keys: tuple[str, ...]
    image_shape: tuple[int, int, int]
    mask_size: tuple[int, int]

    @property
    def num_classes(self) -> int:
        """The number of classes `K`."""
        return self.label_set.num_classes

    def __len__(self) -> int:
        return len(self.keys)

    @abc.abstractmethod
    def load(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Loads one image and its mask, as graph operations.

        Args:
            index: int64 scalar in `[0, N)`.

        Returns:
            The image, float32 `image_shape` in [0, 1], every value a whole multiple of 1/255; and
            the mask, int32 `mask_size` of class numbers `0..K-1` and `label_set.ignore_value`. Both
            have their static shape set.
        """

    @abc.abstractmethod
    def load_image(self, index: tf.Tensor) -> tf.Tensor:
        """Loads the image alone: no mask is read."""


def class_names(*, source: SegmentationSource) -> tuple[str, ...]:
    """The names of the classes of a source, in the order of their numbers."""
    return source.label_set.class_names


class SegmentationSubset(SegmentationSource):
    """Some examples of another source, in the given order."""

    def __init__(self, source: SegmentationSource, indices: Sequence[int] | np.ndarray):
        """Selects `indices` of `source`.

        Raises:
            ValueError: If `indices` is empty, not one-dimensional or out of range.
        """
        indices = checked_indices(indices, count=len(source))
        self.label_set = source.label_set
        self.keys = tuple(source.keys[index] for index in indices)
        self.image_shape = source.image_shape
        self.mask_size = source.mask_size
        self._source = source
        self._indices = indices

    def load(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self._source.load(tf.gather(tf.constant(self._indices), index))

    def load_image(self, index: tf.Tensor) -> tf.Tensor:
        return self._source.load_image(tf.gather(tf.constant(self._indices), index))


def consecutive_part(
    *, source: SegmentationSource, begin: float = 0.0, end: float = 1.0
) -> SegmentationSubset:
    """The examples of a source from one fraction of its length to another, in its order.

    Neighbouring frames of a video are near-duplicates: parts of it are cut by time, never drawn.

    Args:
        source: What to take the part from, in the order of time.
        begin: Fraction of the examples that come before the part, in [0, 1).
        end: Fraction of the examples up to its end, in (0, 1].

    Raises:
        ValueError: If the fractions are out of range or in the wrong order, or the part is empty.
    """
    if not 0.0 <= begin < end <= 1.0:
        raise ValueError(f"begin and end must satisfy 0 <= begin < end <= 1, got {begin}, {end}.")
    # Both bounds are rounded alike, so that parts which meet share no example and leave none out.
    first, last = round(begin * len(source)), round(end * len(source))
    if first == last:
        raise ValueError(
            f"the part from {begin} to {end} of {len(source)} examples would be empty."
        )
    return SegmentationSubset(source, np.arange(first, last))
