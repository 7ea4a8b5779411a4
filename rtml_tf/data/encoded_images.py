"""A source that decodes its images from memory."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.data import image_decoding
from rtml_tf.data.image_files import checked_resize
from rtml_tf.data.image_size import checked_size
from rtml_tf.data.source import ImageSource


class UndecodableImages(ValueError):
    """Images that cannot be decoded.

    Attributes:
        numbers: Which, counted from 0, in rising order.
        reason: What is wrong with them, as a part of a message.
    """

    def __init__(self, numbers: Sequence[int], *, reason: str, total: int):
        """Names the first of the images, of which there are `total`."""
        super().__init__(
            f"{len(numbers)} of {total} images {reason}, the first is number {numbers[0]} (counted "
            "from 0)."
        )
        self.numbers = tuple(numbers)
        self.reason = reason


class EncodedImages(ImageSource):
    """JPEG and PNG images that are held in memory as they were stored, without labels.

    All images are of one class, "unknown". Their keys are `image 0`, `image 1`, ...
    """

    def __init__(
        self,
        *,
        contents: Sequence[bytes],
        image_size: tuple[int, int],
        channels: int = 3,
        resize_to: int | tuple[int, int] | None = None,
    ):
        """Takes the images and decodes each once to check it.

        Args:
            contents: The encoded images.
            image_size: `(height, width)` in pixels of the images that are handed out.
            channels: 1 (grey) or 3 (colour); images of the other kind are converted.
            resize_to: Size before the centre of `image_size` is cut out, `(height, width)` or the
                length of the shorter side; None is `image_size`.

        Raises:
            ValueError: If an argument is out of range or there is no image.
            UndecodableImages: If an image cannot be decoded.
        """
        if channels not in (1, 3):
            raise ValueError(f"channels must be 1 or 3, got {channels!r}.")
        if not contents:
            raise ValueError("contents must hold at least one image, got none.")
        self.labels = np.zeros(len(contents), np.int32)
        self.class_names = ("unknown",)
        self.keys = tuple(f"image {number}" for number in range(len(contents)))
        self._image_size = checked_size("image_size", image_size)
        self.image_shape = (*self._image_size, channels)
        self._resize_to = checked_resize(resize_to, self._image_size)
        self.resize_to = None if resize_to is None else self._resize_to
        # An eager tensor is handed to the pipelines once; a constant would be copied into each.
        self._contents = tf.constant(list(contents))
        self._measured = False
        self._check()
        self._measured = True

    def load(self, index: tf.Tensor) -> tf.Tensor:
        contents, channels = tf.gather(self._contents, index), self.image_shape[-1]
        image = image_decoding.decode_jpeg_or_png(contents, channels, measured=self._measured)
        image = image_decoding.fit_image(image, self._resize_to, self._image_size)
        return image_decoding.unit_range(image)

    def _check(self) -> None:
        def decoded(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # The sum makes sure that no optimiser leaves out the decoding.
            return number, tf.reduce_sum(self.load(number))

        images = tf.data.Dataset.range(len(self)).map(decoded, tf.data.AUTOTUNE)
        # An image that fails drops out here, and is known by its absence.
        decoded_numbers = {number for number, _ in images.ignore_errors().as_numpy_iterator()}
        failed = [number for number in range(len(self)) if number not in decoded_numbers]
        if failed:
            reason = f"cannot be decoded to {self._image_size}"
            raise UndecodableImages(failed, reason=reason, total=len(self))
