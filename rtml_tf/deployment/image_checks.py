"""Images, checked inside of an exported graph."""

import tensorflow as tf

# What rounding may add when a caller has resized an image in floating point.
_TOLERANCE = 1e-4


def checked_images(images: tf.Tensor, name: str) -> tf.Tensor:
    """Returns `images`; evaluating them fails where they are not what a network takes.

    The usual mistake of a caller is to send 0..255, for which a network gives an embedding like any
    other. The shape is checked as well: TensorFlow does not hold callers of a loaded signature to
    the one that it has.

    Args:
        images: float32, their static shape being the one that they must have.
        name: What the error calls them.

    Returns:
        The images. Evaluating them raises `tf.errors.InvalidArgumentError` if they have another
        shape, or a pixel is outside of [0, 1] by more than rounding, or NaN.
    """
    images = tf.ensure_shape(images, images.shape)
    inside = tf.reduce_all((images >= -_TOLERANCE) & (images <= 1.0 + _TOLERANCE))
    message = [
        f"{name} must lie in [0, 1], got values from",
        tf.reduce_min(images),
        "to",
        tf.reduce_max(images),
    ]
    with tf.control_dependencies([tf.debugging.Assert(inside, message)]):
        return tf.identity(images)
