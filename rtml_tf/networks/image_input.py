"""The input of a network that takes images."""

import numbers
from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.layers.pixel_normalization import PixelNormalization


def image_input(
    *, input_shape: Sequence[int | None], minimum_size: int = 1, any_size: bool = False
) -> tf.Tensor:
    """Returns the input of a network: a float32 Keras tensor `[B, H, W, C]` named "image".

    Args:
        input_shape: `(height, width, channels)` of the images.
        minimum_size: The smallest height and width that the network can take.
        any_size: Whether height and width may be None, for images of any size.

    Raises:
        ValueError: If `input_shape` is not three positive integers, or the image is too small.
    """
    shape = tuple(input_shape)
    sizes = [size for size in shape[:2] if not (any_size and size is None)]
    if len(shape) != 3 or not all(
        isinstance(size, numbers.Integral) and not isinstance(size, bool) and size >= 1
        for size in (*sizes, shape[2])
    ):
        raise ValueError(
            "input_shape must be three positive integers (height, width, channels), got "
            f"{input_shape}."
        )
    if sizes and min(sizes) < minimum_size:
        raise ValueError(
            f"input_shape must be at least {minimum_size}x{minimum_size} for this network, got "
            f"{input_shape}."
        )
    known = tuple(None if size is None else int(size) for size in shape)
    return tf.keras.Input(known, dtype="float32", name="image")


def normalize_pixels(*, image: tf.Tensor, normalization: PixelNormalization | None) -> tf.Tensor:
    """Normalises an image tensor by a layer named "pixel_normalization".

    Args:
        image: Keras tensor `[B, H, W, C]`, values in [0, 1].
        normalization: The layer to use; None means `PixelNormalization()`. A copy is used, so one
            object can describe the first layer of several networks.

    Raises:
        ValueError: If `normalization` is not a `PixelNormalization`, or does not fit the channels.
    """
    if normalization is None:
        normalization = PixelNormalization()
    if not isinstance(normalization, PixelNormalization):
        raise ValueError(
            f"normalization must be a PixelNormalization layer, got {normalization!r}."
        )
    config = normalization.get_config() | {"name": "pixel_normalization"}
    return PixelNormalization.from_config(config)(image)
