"""Tests of the source of image files: shapes, checks, errors."""

import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from rtml_tf.data import image_check, image_header
from rtml_tf.data.image_files import ImageFiles


class ImageFilesTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._folder = self.create_tempdir().full_path
        self._paths = []
        for level in (0, 51, 102, 255):
            path = os.path.join(self._folder, f"{level}.png")
            Image.new("L", (6, 4), level).save(path)
            self._paths.append(path)

    def _files(self, **arguments: object) -> ImageFiles:
        defaults = {
            "paths": self._paths,
            "keys": [os.path.basename(path) for path in self._paths],
            "labels": [0, 1, 1, 0],
            "class_names": ["x", "y"],
            "image_size": (4, 6),
        }
        return ImageFiles(**(defaults | arguments))

    def _damage(self, position: int):
        with open(self._paths[position], "wb") as stream:
            stream.write(b"damaged")

    @parameterized.parameters(
        ((4, 6), None, 3), ((3, 3), None, 1), ((2, 2), (3, 5), 3), ((2, 2), 2, 1)
    )
    def test_images_have_the_promised_shape_type_and_range(self, image_size, resize_to, channels):
        files = self._files(image_size=image_size, resize_to=resize_to, channels=channels)
        dataset = tf.data.Dataset.range(len(files)).map(files.load)
        self.assertEqual(dataset.element_spec, tf.TensorSpec((*image_size, channels), tf.float32))
        for image, value in zip(dataset, (0.0, 0.2, 0.4, 1.0)):
            self.assertAllClose(image, np.full(files.image_shape, value), rtol=1e-7)

    def test_unreadable_files_are_named_with_the_reason(self):
        self._damage(1)
        self._damage(3)
        with self.assertRaisesRegex(
            ValueError,
            r"2 of 4 images cannot be read: .*/51\.png \(Unknown image file format.*/255\.png"
            ".*skip_unreadable=True",
        ):
            self._files()

    def test_a_gif_file_is_unreadable_whatever_its_name(self):
        Image.new("L", (6, 4)).save(self._paths[2], "GIF")
        with self.assertRaisesRegex(
            ValueError, r"1 of 4 .*/102\.png \(Unknown image file format, expected JPEG, PNG or BMP"
        ):
            self._files()

    def test_unreadable_files_are_skipped_and_logged(self):
        self._damage(1)
        with self.assertLogs(level="WARNING") as logs:
            files = self._files(skip_unreadable=True)
        self.assertRegex(logs.output[0], r"1 of 4 images cannot be read: .*/51\.png .* left out")
        self.assertEqual(files.keys, ("0.png", "102.png", "255.png"))
        self.assertAllEqual(files.labels, [0, 1, 0])
        values = [image[0, 0, 0] for image in tf.data.Dataset.range(3).map(files.load)]
        self.assertAllClose(values, [0.0, 0.4, 1.0])

    def test_a_class_without_a_readable_file_is_an_error(self):
        self._damage(1)
        self._damage(2)
        with self.assertRaisesRegex(ValueError, "Class 'y' has no readable image"):
            self._files(skip_unreadable=True)

    def test_unchecked_files_fail_in_the_pipeline_with_their_name(self):
        self._damage(2)
        files = self._files(check_images=False)
        images = iter(tf.data.Dataset.range(4).map(files.load))
        self.assertAllClose(next(images)[0, 0, 0], 0.0)
        self.assertAllClose(next(images)[0, 0, 0], 0.2)
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, r"cannot be read.*/102\.png"):
            next(images)

    def test_a_file_that_would_become_too_large_is_named(self):
        """Resized to 6 pixels, 1x200 pixels would be 7200."""
        self.addCleanup(image_header.limit_pixels, 100_000_000)
        image_header.limit_pixels(7199)
        Image.new("L", (200, 1)).save(self._paths[1])
        files = self._files(resize_to=6)
        images = tf.data.Dataset.range(4).map(files.load)
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, r"/51\.png\].* more than 7199 pixels .*\[1200\]"
        ):
            list(images)

    def test_a_repaired_file_is_checked_again(self):
        self._damage(0)
        missing = os.path.join(self._folder, "missing.png")
        paths = [*self._paths, missing]
        self.assertEqual(image_check.find_unreadable(paths, 3), [self._paths[0], missing])
        self.assertRegex(image_check.why_unreadable(missing, 3), "No such file")
        Image.new("L", (6, 4)).save(self._paths[0])
        self.assertEqual(image_check.find_unreadable(paths, 3), [missing])

    @parameterized.parameters(
        ({"channels": 4}, "channels must be 1 or 3, got 4"),
        ({"image_size": (4,)}, r"image_size must be \(height, width\) in pixels, got \(4,\)"),
        ({"image_size": 4}, "image_size must be .* got 4"),
        ({"image_size": (4, 0)}, r"image_size must be .* got \(4, 0\)"),
        ({"resize_to": (4, 5)}, r"resize_to .* image_size=\(4, 6\) to cut out, got \(4, 5\)"),
        ({"resize_to": 5}, "resize_to must leave at least .* got 5"),
        ({"paths": []}, "at least one image, got none"),
        ({"check_images": False, "skip_unreadable": True}, "skip_unreadable=True needs"),
    )
    def test_refuses(self, arguments: dict, message: str):
        with self.assertRaisesRegex(ValueError, message):
            self._files(**arguments)


if __name__ == "__main__":
    tf.test.main()
