"""Augmentations that change the tones of an image: brightness, contrast."""

from typing import Any

import tensorflow as tf

from rtml_tf.data.augmentation_base import ToneAugmentation


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RandomBrightness(ToneAugmentation):
    """Adds one number to all pixels and clips the result to [0, 1].

    Attributes:
        max_delta: The number is drawn evenly from `[-max_delta, max_delta]`.
    """

    def __init__(self, *, max_delta: float):
        """Sets the largest change.

        Raises:
            ValueError: If `max_delta` is out of range.
        """
        if not 0.0 <= max_delta <= 1.0:
            raise ValueError(f"max_delta must be in [0, 1], got {max_delta}.")
        self.max_delta = float(max_delta)

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        delta = tf.random.stateless_uniform([], seed, -self.max_delta, self.max_delta)
        return tf.clip_by_value(image + delta, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"max_delta": self.max_delta}


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RandomContrast(ToneAugmentation):
    """Scales the distance of each pixel from its channel's mean and clips to [0, 1].

    Attributes:
        lowest: Smallest factor.
        highest: Largest factor.
    """

    def __init__(self, *, lowest: float, highest: float):
        """Sets the range that the factor is drawn from, evenly.

        Raises:
            ValueError: If the range is empty or begins below 0.
        """
        if not 0.0 <= lowest <= highest:
            raise ValueError(
                f"lowest and highest must satisfy 0 <= lowest <= highest, got {lowest} and "
                f"{highest}."
            )
        self.lowest = float(lowest)
        self.highest = float(highest)

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        factor = tf.random.stateless_uniform([], seed, self.lowest, self.highest)
        return tf.clip_by_value(tf.image.adjust_contrast(image, factor), 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"lowest": self.lowest, "highest": self.highest}
