"""Tests of local binary patterns, against scikit-image."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from skimage.color import rgb2gray
from skimage.feature import local_binary_pattern

from rtml_tf.data import lbp_mappings
from rtml_tf.data.local_binary_patterns import LocalBinaryPatterns

_METHODS = {
    lbp_mappings.AllPatterns: "default",
    lbp_mappings.RotationInvariantPatterns: "ror",
    lbp_mappings.RotationInvariantUniformPatterns: "uniform",
    lbp_mappings.UniformPatterns: "nri_uniform",
}


def _grey_levels(height: int = 37, width: int = 41) -> np.ndarray:
    """Noise of many levels, of few (neighbours that equal their centre), blurred, and flat."""
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (height, width))
    few = generator.integers(100, 104, (height, width))
    steps = np.add.outer(np.arange(height), 2 * np.arange(width)) // 3
    flat = np.full((height, width), 255)
    return np.stack([noise, few, steps, flat]).astype(np.uint8)


def _images(levels: np.ndarray) -> tf.Tensor:
    return tf.constant(levels[..., np.newaxis] / np.float32(255), tf.float32)


def _histograms(codes: np.ndarray, bins: int, grid: tuple[int, int]) -> np.ndarray:
    cells = [
        cell for row in np.array_split(codes, grid[0]) for cell in np.array_split(row, grid[1], 1)
    ]
    return np.concatenate([np.bincount(cell.ravel(), minlength=bins) / cell.size for cell in cells])


def _reference(
    levels: np.ndarray, points: int, radius: float, mapping: type, grid: tuple[int, int]
) -> np.ndarray:
    method = _METHODS[mapping]
    values, bins = None, mapping().num_bins(points)
    if method == "ror":
        rotated = [np.roll(np.arange(points), turn) for turn in range(points)]
        bits = np.arange(2**points)[:, np.newaxis] >> np.arange(points) & 1
        values = np.unique(np.min([bits[:, turn] @ 2 ** np.arange(points) for turn in rotated], 0))
    histograms = []
    for image in levels:
        codes = local_binary_pattern(image, points, radius, method).astype(int)
        codes = codes if values is None else np.searchsorted(values, codes)
        histograms.append(_histograms(codes, bins, grid))
    return np.stack(histograms)


class LocalBinaryPatternsTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.product(mapping=tuple(_METHODS), circle=((8, 1.0), (8, 2.0), (5, 1.3)))
    def test_counts_are_those_of_scikit_image(self, mapping: type, circle: tuple[int, float]):
        levels = _grey_levels()
        view = LocalBinaryPatterns(
            neighbourhoods=(circle,), mapping=mapping(), grid=(2, 3), hellinger=False
        )
        # Relative to the smallest count, 1 in a cell of 19x14 pixels, the tolerance is 3e-5.
        self.assertAllClose(
            tf.function(view)(_images(levels)),
            _reference(levels, *circle, mapping, (2, 3)),
            rtol=0,
            atol=1e-7,
        )

    def test_rounding_errors_at_ties_are_those_of_scikit_image(self):
        """In these, exact arithmetic or other fractions give other patterns for some pixels."""
        levels = np.random.default_rng(0).integers(100, 108, (3, 112, 112)).astype(np.uint8)
        mapping = lbp_mappings.UniformPatterns
        view = LocalBinaryPatterns(
            neighbourhoods=((24, 3.0),), mapping=mapping(), grid=(1, 1), hellinger=False
        )
        expected = _reference(levels, 24, 3.0, mapping, (1, 1))
        self.assertAllClose(112**2 * view(_images(levels)), 112**2 * expected, rtol=0, atol=0.01)

    @parameterized.parameters(
        lbp_mappings.UniformPatterns, lbp_mappings.RotationInvariantUniformPatterns
    )
    def test_several_circles_stand_one_after_the_other(self, mapping: type):
        circles = ((8, 1.0), (16, 2.0), (24, 3.0))
        levels = _grey_levels()
        view = LocalBinaryPatterns(neighbourhoods=circles, mapping=mapping(), grid=(1, 2))
        expected = [_reference(levels, *circle, mapping, (1, 2)) for circle in circles]
        descriptors = view(_images(levels))
        self.assertEqual(descriptors.shape[1:], view.output_shape((37, 41, 1)))
        self.assertAllClose(descriptors**2, np.concatenate(expected, axis=1), rtol=0, atol=1e-6)

    def test_colour_becomes_grey(self):
        """scikit-image's weights are those of another standard, hence the grey image of its own."""
        colours = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)
        luma = np.rint(colours @ [0.2989, 0.587, 0.114]).astype(np.uint8)
        view = LocalBinaryPatterns(grid=(2, 2))
        self.assertAllEqual(view(tf.constant(colours / np.float32(255))), view(_images(luma)))
        self.assertNotAllClose(luma, np.rint(255 * rgb2gray(colours)))

    def test_pixels_are_rounded_to_whole_levels(self):
        levels = _grey_levels()
        noise = np.random.default_rng(2).uniform(-0.49, 0.49, levels.shape).astype(np.float32)
        view = LocalBinaryPatterns()
        self.assertAllEqual(view(_images(levels + noise)), view(_images(levels)))

    def test_hellinger_descriptors_have_length_one_in_every_cell(self):
        view = LocalBinaryPatterns(grid=(2, 2))
        cells = tf.reshape(view(_images(_grey_levels())), [4, 4, -1])
        self.assertAllClose(tf.norm(cells, axis=-1), np.ones((4, 4)))

    def test_float32_counts_the_same_away_from_ties(self):
        levels = _grey_levels()[:1]
        arguments = {"neighbourhoods": ((8, 1.0), (8, 2.0)), "grid": (2, 3)}
        in_float32 = LocalBinaryPatterns(**arguments, dtype="float32")
        expected = LocalBinaryPatterns(**arguments)(_images(levels))
        self.assertAllEqual(in_float32(_images(levels)), expected)

    def test_float32_takes_rounding_errors_for_ties(self):
        """In a flat image all neighbours are equally bright, but for those outside of it."""
        view = LocalBinaryPatterns(
            neighbourhoods=((16, 1.3),),
            mapping=lbp_mappings.AllPatterns(),
            grid=(1, 1),
            hellinger=False,
            dtype="float32",
        )
        levels = np.arange(1, 256, dtype=np.uint8)[:, np.newaxis, np.newaxis]
        flat = np.broadcast_to(levels, (255, 9, 9))
        self.assertAllClose(81 * view(_images(flat))[:, -1], np.full(255, 25.0))

    def test_survives_serialisation(self):
        view = LocalBinaryPatterns(
            neighbourhoods=[(8, 1), (16, 2.5)],
            mapping=lbp_mappings.RotationInvariantUniformPatterns(),
            grid=(3, 2),
            hellinger=False,
            dtype="float32",
        )
        config = tf.keras.utils.serialize_keras_object(view)
        copy = tf.keras.utils.deserialize_keras_object(config)
        self.assertEqual(copy.get_config(), view.get_config())
        images = _images(_grey_levels())
        self.assertAllEqual(copy(images), view(images))

    @parameterized.parameters(
        ({"neighbourhoods": ()}, "at least one"),
        ({"neighbourhoods": ((3, 1.0),)}, r"4 to 24 points and .* above 0, got \(3, 1.0\)"),
        ({"neighbourhoods": ((8, 0.0),)}, r"got \(8, 0.0\)"),
        ({"neighbourhoods": (8, 1.0)}, "got 8"),
        ({"mapping": "uniform"}, "mapping must be an LbpMapping, got 'uniform'"),
        ({"grid": (0, 7)}, r"grid must be \(rows, columns\), both at least 1, got \(0, 7\)"),
        ({"dtype": "float16"}, "dtype must be 'float64' or 'float32', got 'float16'"),
        (
            {"neighbourhoods": ((17, 1.0),), "mapping": lbp_mappings.AllPatterns()},
            "points must be at most 16 .* got 17",
        ),
    )
    def test_refuses(self, arguments: dict, message: str):
        with self.assertRaisesRegex(ValueError, message):
            LocalBinaryPatterns(**arguments)

    @parameterized.parameters(
        ((6, 9, 1), r"no more cells than the image has pixels, got \(7, 7\) for 6x9"),
        ((9, 9, 2), r"1 or 3 channels, got \(9, 9, 2\)"),
        ((9, 9), r"\(height, width, channels\) .* got \(9, 9\)"),
    )
    def test_refuses_images(self, shape: tuple[int, ...], message: str):
        with self.assertRaisesRegex(ValueError, message):
            LocalBinaryPatterns().output_shape(shape)
        with self.assertRaisesRegex(ValueError, message):
            LocalBinaryPatterns()(tf.zeros((1, *shape)))


if __name__ == "__main__":
    tf.test.main()
