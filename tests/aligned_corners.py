"""Bilinear resizing with aligned corners by its definition, as a reference that has gradients."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def resize_aligned(maps: tf.Tensor, size: Sequence[int]) -> tf.Tensor:
    """Linear interpolation between the centres of the corner pixels, along both axes.

    Args:
        maps: floating `[B, h, w, C]`.
        size: `(H, W)`.

    Returns:
        `[B, H, W, C]` of the type of `maps`.
    """
    rows, columns = (
        tf.constant(_interpolation(count, length), maps.dtype)
        for count, length in zip(maps.shape[1:3], size)
    )
    return tf.einsum("Hh,Ww,bhwc->bHWc", rows, columns, maps)


def _interpolation(count: int, length: int) -> np.ndarray:
    """The weight of each of `count` pixels at each of `length` places: `[length, count]`."""
    places = np.linspace(0, count - 1, length)
    return np.maximum(0.0, 1.0 - np.abs(places[:, np.newaxis] - np.arange(count)))
