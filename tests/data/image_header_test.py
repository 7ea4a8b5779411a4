"""Tests that images are measured before they are decoded."""

import io

import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from rtml_tf.data import image_header
from rtml_tf.data.image_decoding import decode_image, decode_jpeg_or_png


def _encoded(kind, size):
    stream = io.BytesIO()
    Image.new("L", size).save(stream, kind)
    return tf.constant(stream.getvalue())


class ImageHeaderTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(image_header.limit_pixels, 100_000_000)

    @parameterized.parameters("JPEG", "PNG", "BMP")
    def test_one_pixel_more_than_allowed_is_too_much(self, kind):
        contents = _encoded(kind, (7, 5))
        image_header.limit_pixels(35)
        self.assertEqual(decode_image(contents, 1).shape, (5, 7, 1))
        image_header.limit_pixels(34)
        with self.assertRaisesRegex(Exception, r"more than 34 pixels .*max_image_pixels\): 7x5"):
            decode_image(contents, 1)

    def test_sizes_whose_product_overflows_are_too_large(self):
        head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\x7f\xff\xff\xff" * 2
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "2147483647x2147483647"):
            image_header.checked(tf.constant(head))

    @parameterized.parameters(b"\x89PNG\r\n\x1a\n", b"BM")
    def test_what_has_no_size_is_left_to_the_decoder(self, contents):
        self.assertEqual(image_header.checked(tf.constant(contents)), contents)

    @parameterized.parameters(b"", b"no image", b"GIF89a\xff\xff\xff\xff")
    def test_what_is_of_no_known_format_is_refused(self, contents):
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "expected JPEG, PNG or BMP"):
            image_header.checked(tf.constant(contents))

    @parameterized.parameters(decode_image, decode_jpeg_or_png)
    def test_gif_files_are_not_decoded(self, decode):
        """The decoder would read them, and says nothing of their size before."""
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "Unknown image file format"):
            decode(_encoded("GIF", (7, 5)), 1)

    def test_bmp_files_are_not_for_graphs_that_are_saved(self):
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "expected JPEG or PNG"):
            decode_jpeg_or_png(_encoded("BMP", (7, 5)), 1)

    def test_a_limit_below_one_pixel_is_refused(self):
        with self.assertRaisesRegex(ValueError, "max_image_pixels must be at least 1, got 0"):
            image_header.limit_pixels(0)


if __name__ == "__main__":
    tf.test.main()
