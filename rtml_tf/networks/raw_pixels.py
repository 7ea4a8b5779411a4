"""Raw pixels as a network: the baseline without learning."""

from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.networks.image_input import image_input


def raw_pixels(*, input_shape: Sequence[int], subtract_mean: bool = True) -> tf.keras.Model:
    """Returns the network whose embedding is the image itself, at unit length.

    It has no weights and stands beside trained networks in tables. With `subtract_mean` the
    inner product of two embeddings is the correlation coefficient of the two images, which does
    not change with brightness and contrast; without it, it is the cosine of the pixel vectors.

    Args:
        input_shape: `(H, W, C)` of the images.
        subtract_mean: Whether each image's mean over its pixels and channels is taken away.

    Returns:
        The network: "image" `[B, H, W, C]` in [0, 1] to float32 `[B, H * W * C]`, L2-normalised;
        an image of one value only gives zeros where the mean is subtracted.

    Raises:
        ValueError: If `input_shape` is not three positive integers.
    """
    image = image_input(input_shape=input_shape)
    pixels = tf.keras.layers.Flatten(dtype="float32", name="flatten")(image)
    if subtract_mean:
        # The division by the standard deviation is undone by the normalisation that follows.
        pixels = tf.keras.layers.LayerNormalization(
            center=False, scale=False, epsilon=1e-6, dtype="float32", name="subtract_mean"
        )(pixels)
    embeddings = L2Normalization(name="l2_normalization")(pixels)
    return tf.keras.Model(image, embeddings, name="raw_pixels")
