"""Pixel normalisation: the first layer of every network that takes images."""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class PixelNormalization(tf.keras.layers.Layer):
    """Shifts and scales the channels of an image: `(x - mean) / std`.

    Networks take images in [0, 1] and normalise inside, so that attacks, data and exported files
    all work in pixel units. The default maps [0, 1] to [-2, 2], which is close to zero mean and
    unit variance for natural images (ImageNet: mean 0.45, deviation 0.23).

    The arithmetic is done in the variable type of the dtype policy: float32 under mixed precision,
    where bfloat16 would round a pixel to 1/256 before the mean is taken away. Only the result is
    cast to the compute type.

    Call arguments:
        images: `[B, H, W, C]`, values in [0, 1].

    Call returns:
        `[B, H, W, C]` in the compute type of the layer.

    Attributes:
        mean: One number for all channels, or a tuple of one for each.
        std: The same for the divisor.
        reverse_channels: Whether the channels leave in reverse order (RGB to BGR).
    """

    def __init__(
        self,
        *,
        mean: float | Sequence[float] = 0.5,
        std: float | Sequence[float] = 0.25,
        reverse_channels: bool = False,
        **kwargs: Any,
    ):
        """Creates the layer.

        Args:
            mean: What is subtracted, in pixel units of [0, 1]: one number, or one for each channel
                in the order of the image.
            std: What is then divided by, in the same form; above 0.
            reverse_channels: Whether to reverse the channels afterwards.
            **kwargs: Arguments of `tf.keras.layers.Layer`.

        Raises:
            ValueError: If a value is not finite, `std` is not positive, or the lengths differ.
        """
        super().__init__(autocast=False, **kwargs)
        self.mean = _numbers("mean", mean)
        self.std = _numbers("std", std)
        self.reverse_channels = bool(reverse_channels)
        smallest = min(self.std) if isinstance(self.std, tuple) else self.std
        if smallest <= 0.0:
            raise ValueError(f"std must be positive, got {std}.")
        lengths = {len(value) for value in (self.mean, self.std) if isinstance(value, tuple)}
        if len(lengths) > 1:
            raise ValueError(
                f"mean and std must have one length, got {len(self.mean)} and {len(self.std)} "
                "values."
            )
        self._channels = lengths.pop() if lengths else None

    def build(self, input_shape: tf.TensorShape) -> None:
        channels = tf.TensorShape(input_shape)[-1]
        if self._channels is not None and self._channels != channels:
            raise ValueError(
                f"mean and std are given for {self._channels} channels, got images of shape "
                f"{tuple(input_shape)}."
            )
        super().build(input_shape)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        mean = tf.constant(self.mean, self.variable_dtype)
        scale = 1.0 / tf.constant(self.std, self.variable_dtype)
        images = (tf.cast(images, self.variable_dtype) - mean) * scale
        if self.reverse_channels:
            images = tf.reverse(images, axis=[-1])
        return tf.cast(images, self.compute_dtype)

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        return tf.TensorShape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "mean": self.mean,
            "std": self.std,
            "reverse_channels": self.reverse_channels,
        }


def _numbers(name: str, value: float | Sequence[float]) -> float | tuple[float, ...]:
    """Returns a finite float, or a non-empty tuple of them."""
    try:
        numbers = tuple(value) if isinstance(value, Sequence) else (value,)
        numbers = tuple(float(number) for number in numbers)
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"{name} must be a finite number or a sequence of them, got {value!r}.")
    return numbers if isinstance(value, Sequence) else numbers[0]
