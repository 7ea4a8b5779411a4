"""Augmentations that take detail away: noise, blur, a lower resolution."""

from typing import Any

import tensorflow as tf

from rtml_tf import addons
from rtml_tf.data.augmentation_base import ToneAugmentation


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class GaussianNoise(ToneAugmentation):
    """Adds a normal number to every value and clips the result to [0, 1].

    Attributes:
        deviation: Standard deviation of the numbers.
    """

    def __init__(self, *, deviation: float):
        """Sets the strength of the noise.

        Raises:
            ValueError: If `deviation` is negative.
        """
        if deviation < 0.0:
            raise ValueError(f"deviation must be at least 0, got {deviation}.")
        self.deviation = float(deviation)

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        noise = tf.random.stateless_normal(image.shape, seed, 0.0, self.deviation)
        return tf.clip_by_value(image + noise, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"deviation": self.deviation}


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class GaussianBlur(ToneAugmentation):
    """Blurs with a Gaussian; at the edges the image is mirrored.

    Attributes:
        deviation: Standard deviation of the Gaussian, in pixels.
    """

    def __init__(self, *, deviation: float):
        """Sets the width of the blur.

        Raises:
            ValueError: If `deviation` is not above 0; when called, if three of it reach beyond the
                mirror image.
        """
        if deviation <= 0.0:
            raise ValueError(f"deviation must be above 0, got {deviation}.")
        self.deviation = float(deviation)

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        del seed  # Nothing about it is random.
        reach = round(3.0 * self.deviation)  # Three deviations to each side.
        height, width, _ = image.shape
        if reach >= min(height, width):
            raise ValueError(
                f"GaussianBlur with deviation={self.deviation} mirrors {reach} pixels and needs "
                f"sides longer than that, got an image of {height}x{width}."
            )
        size = 2 * reach + 1
        blurred = addons.gaussian_filter2d(image, (size, size), self.deviation)
        return tf.ensure_shape(tf.clip_by_value(blurred, 0.0, 1.0), image.shape)

    def get_config(self) -> dict[str, Any]:
        return {"deviation": self.deviation}


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class LowResolution(ToneAugmentation):
    """Makes the image smaller and, bilinearly, as large again.

    Attributes:
        factor: The smaller image's height and width, as a share of the image's.
    """

    def __init__(self, *, factor: float):
        """Sets the smaller size.

        Raises:
            ValueError: If `factor` is not in (0, 1].
        """
        if not 0.0 < factor <= 1.0:
            raise ValueError(f"factor must be in (0, 1], got {factor}.")
        self.factor = float(factor)

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        del seed  # Nothing about it is random.
        size = image.shape[:2].as_list()
        smaller = [max(1, round(self.factor * side)) for side in size]
        detail = tf.image.resize(image, smaller, antialias=True)
        return tf.clip_by_value(tf.image.resize(detail, size), 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor}
