"""Images as another domain has them: smaller, or without colour."""

from typing import Any

import numpy as np
import tensorflow as tf

from rtml_tf.data.image_size import checked_size
from rtml_tf.data.input_view import InputView, checked_image_shape


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class ImageView(InputView):
    """The image as it is, resized, without colour, or both.

    Grey is the luma `0.2989 R + 0.5870 G + 0.1140 B` (ITU-R BT.601, as
    `tf.image.rgb_to_grayscale`). Resizing is that of `tf.image.resize`, bilinear with antialiasing.

    Attributes:
        image_size: `(height, width)` in pixels, or None where the size is kept.
        grey: Whether colour images become grey.
    """

    def __init__(self, *, image_size: tuple[int, int] | None = None, grey: bool = False):
        """Sets what is changed; by default nothing is.

        Args:
            image_size: `(height, width)` in pixels; None keeps that of the image.
            grey: Whether colour images become grey; grey ones stay what they are.

        Raises:
            ValueError: If `image_size` is not two whole numbers above 0.
        """
        self.image_size = None if image_size is None else checked_size("image_size", image_size)
        self.grey = bool(grey)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        _, height, width, channels = images.shape
        height, width, _ = self.output_shape((height, width, channels))
        if self.grey and channels == 3:
            images = tf.image.rgb_to_grayscale(images)
        if height != images.shape[1]:
            images = tf.einsum("ph,bhwc->bpwc", _resizing(images.shape[1], height), images)
        if width != images.shape[2]:
            images = tf.einsum("qw,bpwc->bpqc", _resizing(images.shape[2], width), images)
        return images

    def output_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        height, width, channels = checked_image_shape(image_shape)
        return (*(self.image_size or (height, width)), 1 if self.grey else channels)

    def get_config(self) -> dict[str, Any]:
        return {"image_size": self.image_size, "grey": self.grey}


def _resizing(old: int, new: int) -> np.ndarray:
    """The matrix `[new, old]` that resizes along one axis.

    `tf.image.resize` with antialiasing is linear and works on each axis by itself; as a product of
    matrices it runs on phones too, which do not have its operation. The columns of the matrix are
    what becomes of single pixels.
    """
    with tf.init_scope():
        single_pixels = tf.eye(old)[:, :, tf.newaxis]  # [old, old, 1]
        return tf.image.resize(single_pixels, (new, old), antialias=True)[:, :, 0].numpy()
