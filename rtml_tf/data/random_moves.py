"""Augmentations that move all pixels: flip, rotate, translate."""

import math
from typing import Any

import tensorflow as tf

from rtml_tf import addons
from rtml_tf.data.augmentation_base import Augmentation, FillingAugmentation


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RandomFlip(Augmentation):
    """Mirrors half of the images left to right, or top to bottom, or both independently.

    Attributes:
        horizontal: Whether to exchange left and right.
        vertical: Whether to exchange top and bottom.
    """

    def __init__(self, *, horizontal: bool = True, vertical: bool = False):
        """Sets the directions.

        Raises:
            ValueError: If there is no direction.
        """
        if not (horizontal or vertical):
            raise ValueError("horizontal or vertical must be true, got both false.")
        self.horizontal = horizontal
        self.vertical = vertical

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        for_rows, for_columns = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        if self.horizontal:
            image = tf.image.stateless_random_flip_left_right(image, for_columns)
        if self.vertical:
            image = tf.image.stateless_random_flip_up_down(image, for_rows)
        return image

    def of_mask(self, mask: tf.Tensor, seed: tf.Tensor, ignore_value: int) -> tf.Tensor:
        del ignore_value
        return self(mask[:, :, tf.newaxis], seed)[:, :, 0]

    def get_config(self) -> dict[str, Any]:
        return {"horizontal": self.horizontal, "vertical": self.vertical}


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RandomRotation(FillingAugmentation):
    """Rotates about the centre by an angle drawn evenly from both directions, bilinearly.

    Attributes:
        max_degrees: Largest angle in degrees.
    """

    def __init__(self, *, max_degrees: float, fill_mode: str = "constant", fill_value: float = 0.0):
        """Sets the largest angle.

        Raises:
            ValueError: If an argument is out of range.
        """
        super().__init__(fill_mode=fill_mode, fill_value=fill_value)
        if not 0.0 <= max_degrees <= 180.0:
            raise ValueError(f"max_degrees must be in [0, 180], got {max_degrees}.")
        self.max_degrees = float(max_degrees)

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        limit = math.radians(self.max_degrees)
        angle = tf.random.stateless_uniform([], seed, -limit, limit)
        rotated = addons.rotate(
            image, angle, "bilinear", fill_mode=self.fill_mode, fill_value=self.fill_value
        )
        return tf.ensure_shape(tf.clip_by_value(rotated, 0.0, 1.0), image.shape)

    def get_config(self) -> dict[str, Any]:
        return {"max_degrees": self.max_degrees, **super().get_config()}


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RandomTranslation(FillingAugmentation):
    """Shifts by whole pixels, drawn evenly and independently for both axes.

    Attributes:
        max_fraction: Largest shift in each direction, as a fraction of the height and the width
            (rounded down to pixels).
    """

    def __init__(
        self, *, max_fraction: float, fill_mode: str = "constant", fill_value: float = 0.0
    ):
        """Sets the largest shift.

        Raises:
            ValueError: If an argument is out of range.
        """
        super().__init__(fill_mode=fill_mode, fill_value=fill_value)
        if not 0.0 <= max_fraction <= 1.0:
            raise ValueError(f"max_fraction must be in [0, 1], got {max_fraction}.")
        self.max_fraction = float(max_fraction)

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        height, width, _ = image.shape
        limits = tf.floor(self.max_fraction * tf.constant([width, height], tf.float32))
        # floor(u * n) is even over 0..n-1; an integer draw takes one range for both axes only.
        shift = tf.floor(tf.random.stateless_uniform([2], seed) * (2 * limits + 1)) - limits
        translated = addons.translate(
            image, shift, "nearest", fill_mode=self.fill_mode, fill_value=self.fill_value
        )
        return tf.ensure_shape(translated, image.shape)

    def get_config(self) -> dict[str, Any]:
        return {"max_fraction": self.max_fraction, **super().get_config()}
