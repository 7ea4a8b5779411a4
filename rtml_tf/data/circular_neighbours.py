"""Which neighbours on a circle are at least as bright as their centre."""

import math

import numpy as np
import tensorflow as tf

# Rounding errors of float32 where a neighbour is exactly as bright as its centre, in grey levels:
# four roundings of numbers below 256, each by at most 2**-17.
_FLOAT32_TOLERANCE = 1e-4


def brighter_neighbours(levels: tf.Tensor, *, points: int, radius: float) -> list[tf.Tensor]:
    """Compares every pixel with `points` neighbours on a circle around it.

    Neighbour `p` lies `radius` pixels away at the angle `2 pi p / points`, counter-clockwise from
    the right; its value is interpolated bilinearly between the four pixels around it. Outside of
    the image all is 0. (Ojala et al. 2002, "Multiresolution gray-scale and rotation invariant
    texture classification with local binary patterns", section 2.1.)

    In float64 the steps and their order are those of `skimage.feature.local_binary_pattern`: the
    coordinates are rounded to five digits, and the fractions that weigh the pixels are what is
    left of the sum of pixel number and offset. This decides to which side rounding errors fall
    where neighbour and centre are equal, and makes the results equal to scikit-image's. In float32
    a neighbour that is darker by up to 1e-4 grey levels counts as equally bright.

    Args:
        levels: float64 or float32 `[B, H, W]`, whole numbers from 0 to 255; `H`, `W` static.
        points: Neighbours of a pixel.
        radius: Their distance in pixels.

    Returns:
        For each neighbour bool `[B, H, W]`, True where it is at least as bright as the pixel.
    """
    _, height, width = levels.shape
    angles = 2.0 * np.pi * np.arange(points) / points
    down = np.round(-radius * np.sin(angles), 5)
    right = np.round(radius * np.cos(angles), 5)
    margin = math.ceil(radius)
    padded = tf.pad(levels, [[0, 0], [margin, margin], [margin, margin]])
    # Neighbours above each other share the interpolation between columns.
    columns = {
        offset: _interpolated(padded, 2, offset, margin, width) for offset in set(right.tolist())
    }
    threshold = levels if levels.dtype == tf.float64 else levels - _FLOAT32_TOLERANCE
    return [
        _interpolated(columns[x], 1, y, margin, height) >= threshold
        for x, y in zip(right.tolist(), down.tolist())
    ]


def _interpolated(padded: tf.Tensor, axis: int, offset: float, margin: int, size: int) -> tf.Tensor:
    """The `size` values at a distance of `offset` along an axis that begins `margin` before 0."""
    first = math.floor(offset) + margin
    before = _window(padded, axis, first, size)
    if offset == math.floor(offset):
        return before
    after = _window(padded, axis, first + 1, size)
    places = np.arange(size) + offset
    fraction = places - np.floor(places)
    if axis == 1:
        fraction = fraction[:, np.newaxis]
    return before * tf.constant(1.0 - fraction, padded.dtype) + after * tf.constant(
        fraction, padded.dtype
    )


def _window(values: tf.Tensor, axis: int, first: int, size: int) -> tf.Tensor:
    window = slice(first, first + size)
    return values[:, window] if axis == 1 else values[:, :, window]
