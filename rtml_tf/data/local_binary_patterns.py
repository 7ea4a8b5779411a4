"""Histograms of local binary patterns."""

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rtml_tf.data.circular_neighbours import brighter_neighbours
from rtml_tf.data.image_view import ImageView
from rtml_tf.data.input_view import InputView, checked_image_shape
from rtml_tf.data.lbp_mappings import LbpMapping, UniformPatterns

_POINTS = range(4, 25)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class LocalBinaryPatterns(InputView):
    """A descriptor that counts local binary patterns in the cells of a grid.

    The image is made grey (see `ImageView`) and rounded to whole grey levels, `round(255 x)`. The
    bits of a pixel say which of its neighbours on a circle are at least as bright
    (`brighter_neighbours`), a mapping numbers these patterns, and the numbers are counted in each
    cell. Cells are those of `numpy.array_split` along both axes. The descriptor holds, for each
    neighbourhood, the histograms of the cells row by row.

    The default is that of Ahonen et al. 2006, "Face description with local binary patterns:
    application to face recognition": `LBP_{8,2}^{u2}` in 7x7 cells, 2891 values.

    In float64 the counts equal histograms of `skimage.feature.local_binary_pattern`. The built-in
    operations of TensorFlow Lite know no float64, so a network for phones reads float32, which
    differs where a neighbour is within 1e-4 grey levels of its centre: on photographs of faces at
    4 pixels in a million for (8, 1) and at 0.3 % for (8, 2). Train with what is deployed.

    Descriptors have no gradient with respect to the image.

    Attributes:
        neighbourhoods: The circles, each `(points, radius)`.
        mapping: What is counted together.
        grid: `(rows, columns)` of cells.
        hellinger: Whether the square root is taken.
        dtype: The type of the interpolation.
    """

    def __init__(
        self,
        *,
        neighbourhoods: Sequence[tuple[int, float]] = ((8, 2.0),),
        mapping: LbpMapping | None = None,
        grid: tuple[int, int] = (7, 7),
        hellinger: bool = True,
        dtype: str = "float64",
    ):
        """Sets what is counted.

        Args:
            neighbourhoods: One or several circles, each `(points, radius)`: 4 to 24 points, the
                radius in pixels and above 0.
            mapping: What is counted together; None is `UniformPatterns()`.
            grid: `(rows, columns)` of cells.
            hellinger: Each histogram is divided by the pixels of its cell, which gives it L1
                length 1. If true, the square root is then taken, so that the inner product of two
                descriptors is the Hellinger kernel of their histograms, and their L2 length 1.
            dtype: "float64", or "float32" for phones.

        Raises:
            ValueError: If an argument is out of range.
        """
        self.neighbourhoods = tuple(_neighbourhood(circle) for circle in neighbourhoods)
        if not self.neighbourhoods:
            raise ValueError("neighbourhoods must hold at least one (points, radius), got none.")
        self.mapping = UniformPatterns() if mapping is None else mapping
        if not isinstance(self.mapping, LbpMapping):
            raise ValueError(f"mapping must be an LbpMapping, got {mapping!r}.")
        self._bins = tuple(self.mapping.num_bins(points) for points, _ in self.neighbourhoods)
        self.grid = tuple(grid)
        if len(self.grid) != 2 or not all(isinstance(n, int) and n >= 1 for n in self.grid):
            raise ValueError(f"grid must be (rows, columns), both at least 1, got {grid!r}.")
        self.hellinger = bool(hellinger)
        if dtype not in ("float64", "float32"):
            raise ValueError(f"dtype must be 'float64' or 'float32', got {dtype!r}.")
        self.dtype = dtype

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        self.output_shape(images.shape[1:])
        grey = ImageView(grey=True)(images)[..., 0]
        levels = tf.cast(tf.round(255.0 * grey), self.dtype)
        descriptors = []
        for (points, radius), bins in zip(self.neighbourhoods, self._bins):
            bits = brighter_neighbours(levels, points=points, radius=radius)
            descriptors.append(self._histograms(self.mapping.bins(bits), bins))
        return tf.concat(descriptors, axis=1)

    def output_shape(self, image_shape: tuple[int, int, int]) -> tuple[int]:
        height, width, _ = checked_image_shape(image_shape)
        if self.grid[0] > height or self.grid[1] > width:
            raise ValueError(
                f"grid must have no more cells than the image has pixels, got {self.grid} for "
                f"{height}x{width}."
            )
        return (math.prod(self.grid) * sum(self._bins),)

    def get_config(self) -> dict[str, Any]:
        return {
            "neighbourhoods": self.neighbourhoods,
            "mapping": tf.keras.utils.serialize_keras_object(self.mapping),
            "grid": self.grid,
            "hellinger": self.hellinger,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LocalBinaryPatterns":
        mapping = tf.keras.utils.deserialize_keras_object(config["mapping"])
        return cls(**(config | {"mapping": mapping}))

    def _histograms(self, patterns: tf.Tensor, bins: int) -> tf.Tensor:
        """Normalised counts of int32 `[B, H, W]` in each cell, float32 `[B, cells * bins]`."""
        rows, columns = (
            np.repeat(np.arange(cells), _cell_sizes(size, cells))
            for size, cells in zip(patterns.shape[1:], self.grid)
        )
        cell = rows[:, np.newaxis] * self.grid[1] + columns  # [H, W]
        per_image = math.prod(self.grid) * bins
        images = tf.shape(patterns)[0]
        counted = patterns + tf.constant(cell * bins, tf.int32)
        counted += per_image * tf.range(images)[:, tf.newaxis, tf.newaxis]
        pixels = np.repeat(np.bincount(cell.ravel()), bins)  # Of the cell of each count.
        counts = tf.math.unsorted_segment_sum(
            tf.ones_like(counted, tf.float32), counted, images * per_image
        )
        histograms = tf.reshape(counts, [-1, per_image]) / tf.constant(pixels, tf.float32)
        return tf.sqrt(histograms) if self.hellinger else histograms


def _neighbourhood(circle: Sequence[float]) -> tuple[int, float]:
    values = tuple(circle) if isinstance(circle, Sequence) else (circle,)
    if (
        len(values) != 2
        or values[0] not in _POINTS
        or not isinstance(values[1], numbers.Real)
        or not 0.0 < values[1] < math.inf
    ):
        raise ValueError(
            "neighbourhoods must hold (points, radius) with 4 to 24 points and a radius above 0, "
            f"got {circle!r}."
        )
    return int(values[0]), float(values[1])


def _cell_sizes(size: int, cells: int) -> list[int]:
    return [len(cell) for cell in np.array_split(np.arange(size), cells)]
