"""Augmentations that change the light of a scene: its strength and its colour."""

from typing import Any

import tensorflow as tf

from rtml_tf.data.augmentation_base import ToneAugmentation


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RandomGamma(ToneAugmentation):
    """Raises all pixels to one power: below 1 brightens the shadows, above 1 darkens them.

    Attributes:
        lowest: Smallest exponent.
        highest: Largest exponent.
    """

    def __init__(self, *, lowest: float, highest: float):
        """Sets the range of the exponent, whose logarithm is drawn evenly.

        Raises:
            ValueError: If the range is empty or begins at or below 0.
        """
        if not 0.0 < lowest <= highest:
            raise ValueError(
                f"lowest and highest must satisfy 0 < lowest <= highest, got {lowest} and "
                f"{highest}."
            )
        self.lowest = float(lowest)
        self.highest = float(highest)

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        low, high = tf.math.log(self.lowest), tf.math.log(self.highest)
        return image ** tf.exp(low + (high - low) * tf.random.stateless_uniform([], seed))

    def get_config(self) -> dict[str, Any]:
        return {"lowest": self.lowest, "highest": self.highest}


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RandomTint(ToneAugmentation):
    """Multiplies each channel by a number of its own and clips the result to [0, 1].

    Attributes:
        max_change: The numbers are drawn evenly from `[1 - max_change, 1 + max_change]`.
    """

    def __init__(self, *, max_change: float):
        """Sets the largest change.

        Raises:
            ValueError: If `max_change` is out of range.
        """
        if not 0.0 <= max_change <= 1.0:
            raise ValueError(f"max_change must be in [0, 1], got {max_change}.")
        self.max_change = float(max_change)

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        low, high = 1.0 - self.max_change, 1.0 + self.max_change
        factors = tf.random.stateless_uniform([image.shape[-1]], seed, low, high)
        return tf.clip_by_value(image * factors, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"max_change": self.max_change}
