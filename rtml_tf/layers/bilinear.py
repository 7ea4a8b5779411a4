"""Bilinear resizing of maps, by either convention of where pixels lie."""

from collections.abc import Sequence

import tensorflow as tf


def resize_bilinear(
    maps: tf.Tensor, size: Sequence[int] | tf.Tensor, *, aligned_corners: bool = False
) -> tf.Tensor:
    """Resizes maps by bilinear interpolation, without antialiasing.

    Args:
        maps: `[B, h, w, C]`.
        size: `(H, W)`.
        aligned_corners: Whether the centres of the corner pixels stay in place
            (`align_corners=True` in PyTorch, as in the code published with AdaptSegNet and CLAN),
            in place of the outer edges of the corner pixels (the half-pixel convention of
            TensorFlow 2).

    Returns:
        float32 `[B, H, W, C]`.
    """
    maps = tf.cast(maps, tf.float32)
    if aligned_corners:
        return tf.compat.v1.image.resize(maps, size, align_corners=True)
    return tf.image.resize(maps, size)
