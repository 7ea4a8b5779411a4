"""Tests of decoding and resizing, against Pillow."""

import io
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from rtml_tf.data import image_decoding, image_header
from rtml_tf.data.image_check import plain_message

_RNG = np.random.default_rng(0)
# Far from black and white: JPEG would clip noise, and libraries differ in when they do.
_COLOR = Image.fromarray(_RNG.integers(96, 160, (9, 7, 3), np.uint8))
_GREY = _COLOR.convert("L")
_TRANSPARENT = Image.fromarray(_RNG.integers(0, 256, (9, 7, 4), np.uint8), "RGBA")


class ReadImageTest(parameterized.TestCase, tf.test.TestCase):
    def _path(self, image: Image.Image, name: str) -> str:
        path = os.path.join(self.create_tempdir().full_path, name)
        image.save(path)
        return path

    @parameterized.named_parameters(
        ("colour_png", _COLOR, "x.png"),
        ("grey_png", _GREY, "x.png"),
        ("one_bit_png", _GREY.convert("1"), "x.png"),
        ("palette_png", _COLOR.quantize(16), "x.png"),
        ("two_bit_palette_png", _COLOR.quantize(4), "x.png"),
        ("transparent_png", _TRANSPARENT, "x.png"),
        ("grey_transparent_png", _TRANSPARENT.convert("LA"), "x.png"),
        ("colour_bmp", _COLOR, "x.bmp"),
        ("grey_bmp", _GREY, "x.bmp"),
        ("one_bit_bmp", _GREY.convert("1"), "x.bmp"),
        ("palette_bmp", _COLOR.quantize(16), "x.bmp"),
        ("colour_jpeg", _COLOR, "x.jpg"),
        ("grey_jpeg", _GREY, "x.jpeg"),
    )
    def test_decodes_as_pillow_does(self, image: Image.Image, name: str):
        path = self._path(image, name)
        with Image.open(path) as opened:
            colour = np.asarray(opened.convert("RGB"), np.float32)
            grey = np.asarray(opened.convert("L"), np.float32)[..., np.newaxis]
        self.assertAllEqual(image_decoding.read_image(tf.constant(path), 3), colour)
        decoded = image_decoding.read_image(tf.constant(path), 1)
        # Libraries round the luma of colours differently, by one at most.
        self.assertAllClose(tf.cast(decoded, tf.float32), grey, atol=1.0)

    def test_sixteen_bits_become_eight(self):
        """0, 255 and 65535 lie at 0, 1 and 255 of 255."""
        path = self._path(Image.fromarray(np.array([[0, 257, 65535]], np.uint16)), "x.png")
        self.assertAllEqual(image_decoding.read_image(tf.constant(path), 1)[0, :, 0], [0, 1, 255])

    def test_content_decides_not_the_suffix(self):
        buffer = io.BytesIO()
        _COLOR.save(buffer, "PNG")
        file = self.create_tempfile("x.jpg", buffer.getvalue(), mode="wb")
        image = image_decoding.read_image(tf.constant(file.full_path), 3)
        self.assertAllEqual(image, np.asarray(_COLOR))

    @parameterized.parameters("x.jpg", "x.png", "x.bmp")
    def test_a_damaged_file_is_named_in_a_pipeline(self, name: str):
        path = self._path(_COLOR, name)
        dataset = tf.data.Dataset.from_tensors(path).map(
            lambda p: image_decoding.read_image_or_name_it(p, 3)
        )
        self.assertAllEqual(next(iter(dataset)), image_decoding.read_image(tf.constant(path), 3))
        os.truncate(path, os.path.getsize(path) // 2)
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, f"cannot be read.*{path}"):
            next(iter(dataset))


class CutBoxTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ((2, 1, 5, 3), (slice(1, 3), slice(2, 5))),
        ((-4, 2, 3, 99), (slice(2, 5), slice(0, 3))),  # Partly outside.
        ((4, 3, 4, 1), (slice(3, 4), slice(4, 5))),  # Empty.
        ((90, -9, 99, -2), (slice(0, 1), slice(5, 6))),  # Outside altogether.
    )
    def test_what_lies_in_the_image_is_cut_out(self, box, expected):
        image = np.arange(30, dtype=np.uint8).reshape(5, 6, 1)
        cut = image_decoding.cut_box(tf.constant(image), tf.constant(box))
        self.assertAllEqual(cut, image[expected])


class FitImageTest(parameterized.TestCase, tf.test.TestCase):
    def test_the_right_size_is_left_as_it_is(self):
        image = tf.constant(np.asarray(_COLOR))
        self.assertAllEqual(image_decoding.fit_image(image, (9, 7), (9, 7)), image)

    def test_cuts_the_centre(self):
        image = tf.constant(np.arange(30, dtype=np.uint8).reshape(5, 6, 1))
        centre = image_decoding.fit_image(image, (5, 6), (3, 2))
        self.assertAllEqual(centre, image[1:4, 2:4])

    def test_a_pattern_finer_than_the_result_becomes_its_mean(self):
        """Without antialiasing, only the two dark columns in the middle of four would be seen."""
        pattern = np.tile(np.array([[250, 0, 0, 250]], np.uint8), (8, 4))
        image = tf.constant(pattern[..., np.newaxis])
        smaller = image_decoding.fit_image(image, (8, 4), (8, 4))
        self.assertAllInRange(smaller, 100, 150)

    @parameterized.parameters(((40, 20), 10), ((20, 40), 10), ((33, 21), 14))
    def test_the_shorter_side_keeps_the_aspect_ratio(self, shape: tuple[int, int], side: int):
        """A linear ramp of brightness stays linear: the middle of the image stays in the middle."""
        ramp = np.linspace(0, 250, shape[0])[:, np.newaxis, np.newaxis]
        image = tf.constant(np.broadcast_to(ramp, (*shape, 1)).astype(np.uint8))
        fitted = image_decoding.fit_image(image, side, (side, side))
        slope = 250 / (shape[0] - 1) * min(shape) / side
        self.assertEqual(fitted.shape, (side, side, 1))
        self.assertAllClose(
            tf.cast(fitted[:, 0, 0], tf.float32),
            125 + slope * (np.arange(side) - (side - 1) / 2),
            # Rounding to pixels of the size and of the place of the cut.
            atol=slope + 1.0,
        )

    @parameterized.parameters(((1, 200), "1600 x 8"), ((200, 1), "8 x 1600"))
    def test_a_narrow_image_does_not_become_a_large_one(self, shape, size):
        """Resized to 8 pixels, each row of 200 pixels would be 8 rows of 1600: 12,800 pixels."""
        self.addCleanup(image_header.limit_pixels, 100_000_000)
        image = tf.ones((*shape, 3), tf.uint8)
        image_header.limit_pixels(12_800)
        self.assertAllEqual(image_decoding.fit_image(image, 8, (8, 8)), tf.ones((8, 8, 3)))
        image_header.limit_pixels(12_799)
        fit = tf.function(lambda image: image_decoding.fit_image(image, 8, (8, 8), name="it"))
        with self.assertRaises(tf.errors.InvalidArgumentError) as raised:
            fit(image)
        self.assertEqual(
            plain_message(raised.exception),
            "it would have more than 12799 pixels (runtime.configure.max_image_pixels) when it is "
            f"resized to {size}",
        )


if __name__ == "__main__":
    tf.test.main()
