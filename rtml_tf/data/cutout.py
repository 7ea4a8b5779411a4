"""The augmentation that blanks out a square."""

from typing import Any

import tensorflow as tf

from rtml_tf import addons
from rtml_tf.data.augmentation_base import Augmentation


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class Cutout(Augmentation):
    """Fills a square, whose centre may be any pixel, so that it may lie partly outside.

    DeVries & Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017,
    section 3.2.

    Attributes:
        size: Side of the square in pixels, an even number.
        fill_value: What the square is filled with, in [0, 1].
    """

    def __init__(self, *, size: int, fill_value: float = 0.0):
        """Sets the square.

        Raises:
            ValueError: If an argument is out of range.
        """
        if size < 2 or size % 2:
            raise ValueError(f"size must be an even number of pixels >= 2, got {size}.")
        if not 0.0 <= fill_value <= 1.0:
            raise ValueError(f"fill_value must be in [0, 1], got {fill_value}.")
        self.size = size
        self.fill_value = float(fill_value)

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        # floor(u * n) is even over 0..n-1; an integer draw takes one range for both axes only.
        sides = tf.constant(image.shape[:2].as_list(), tf.float32)
        centre = tf.cast(tf.random.stateless_uniform([1, 2], seed) * sides, tf.int32)
        filled = addons.cutout(image[tf.newaxis], (self.size, self.size), centre, self.fill_value)
        return tf.ensure_shape(filled[0], image.shape)

    def get_config(self) -> dict[str, Any]:
        return {"size": self.size, "fill_value": self.fill_value}
