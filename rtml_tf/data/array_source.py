"""A source whose examples are rows of an array."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.data import image_decoding
from rtml_tf.data.example_keys import check_unique_keys, listed
from rtml_tf.data.source import ImageSource


class ArraySource(ImageSource):
    """Examples that are in memory: descriptors, embeddings of another network, or images."""

    def __init__(
        self,
        *,
        keys: Sequence[str],
        array: np.ndarray,
        labels: Sequence[int] | np.ndarray | None = None,
        class_names: Sequence[str] | None = None,
    ):
        """Takes the examples.

        Args:
            keys: `N` unique names.
            array: `[N, F]` or `[N, H, W, C]`. Values of uint8 are divided by 255 when they are
                loaded, images of uint16 by 65535; all others are kept as float32, which must be in
                [0, 1] for images.
            labels: Class numbers from 0 on, `[N]`; None makes all one class, "unknown".
            class_names: The names of the classes; None numbers them.

        Raises:
            ValueError: If there are no examples, the lengths differ, a key is there twice, a value
                is not finite or, in an image, outside [0, 1], or a label has no class.
        """
        array = np.asarray(array)
        if array.ndim not in (2, 4) or array.size == 0:
            raise ValueError(
                "array must be [N, F] or [N, H, W, C] and not empty, got an array of shape "
                f"{array.shape}."
            )
        if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
            raise ValueError(f"array must hold real numbers, got {array.dtype}.")
        is_uint16 = array.dtype == np.uint16
        if array.dtype != np.uint8:
            with np.errstate(over="ignore"):  # What becomes infinite is named below.
                array = array.astype(np.float32)
        if is_uint16 and array.ndim == 4:
            array /= 65535.0
        self.keys = tuple(keys)
        if len(self.keys) != len(array):
            raise ValueError(f"there must be one key a row, got {len(self.keys)} for {len(array)}.")
        check_unique_keys(self.keys, place="The source")
        finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if not finite.all():
            wrong = [self.keys[number] for number in np.flatnonzero(~finite)]
            raise ValueError(
                f"array must be finite in float32, but is not for keys{listed(wrong)}."
            )
        if array.ndim == 4 and array.dtype != np.uint8:
            _check_unit_range(array, self.keys)
        self.labels, self.class_names = _labels(labels, class_names, len(array))
        self.image_shape = array.shape[1:]
        # An eager tensor is handed to the pipelines once; a constant would be copied into each.
        with tf.device("CPU:0"):
            self._rows = tf.constant(array)

    def load(self, index: tf.Tensor) -> tf.Tensor:
        row = tf.ensure_shape(tf.gather(self._rows, index), self.image_shape)
        return image_decoding.unit_range(row) if row.dtype == tf.uint8 else row


def _check_unit_range(images: np.ndarray, keys: Sequence[str]) -> None:
    outside = ((images < 0.0) | (images > 1.0)).any(axis=(1, 2, 3))
    if outside.any():
        wrong = [keys[number] for number in np.flatnonzero(outside)]
        raise ValueError(
            f"array must hold images in [0, 1] (or of uint8 or uint16), got values from "
            f"{images.min():g} to {images.max():g}, outside for keys{listed(wrong)}."
        )


def _labels(
    labels: Sequence[int] | np.ndarray | None, class_names: Sequence[str] | None, examples: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    if labels is None:
        if class_names is not None:
            raise ValueError("class_names are of no use without labels.")
        return np.zeros(examples, np.int32), ("unknown",)
    labels = np.asarray(labels)
    if labels.shape != (examples,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be one whole number for each of {examples} examples, got {labels.dtype} "
            f"of shape {labels.shape}."
        )
    if class_names is None:
        class_names = [str(label) for label in range(labels.max() + 1)]
    absent = np.setdiff1d(np.arange(len(class_names)), labels)
    if labels.min() < 0 or labels.max() >= len(class_names) or absent.size:
        raise ValueError(
            f"labels must hold every class from 0 to {len(class_names) - 1} and no other, got "
            f"values from {labels.min()} to {labels.max()} and none of {absent.size} classes."
        )
    return labels.astype(np.int32), tuple(class_names)
