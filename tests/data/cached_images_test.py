"""Tests of the cache of images."""

import errno
import os
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.cached_images import CachedImages
from rtml_tf.data.source import ImageSource


class _Images(ImageSource):
    """Given images, counted as they are loaded."""

    def __init__(self, images: np.ndarray):
        self.images = images
        self.labels = np.arange(len(images), dtype=np.int32)
        self.class_names = self.keys = tuple(str(number) for number in range(len(images)))
        self.image_shape = images.shape[1:]
        self.loaded = 0

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(self._image, [index], tf.float32), (4, 3, 2))

    def _image(self, index: np.int64) -> np.ndarray:
        self.loaded += 1
        return self.images[index]


def _eight_bits() -> np.ndarray:
    numbers = np.random.default_rng(0).integers(0, 256, (300, 4, 3, 2))
    return numbers.astype(np.float32) / np.float32(255)


class CachedImagesTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.product(exact=(True, False), in_file=(True, False))
    def test_returns_the_same_bits_and_loads_once(self, exact: bool, in_file: bool):
        images = _eight_bits()
        if not exact:
            images[280, 0, 0, 0] = 0.123  # After the first of the blocks that are loaded at once.
        file = os.path.join(self.create_tempdir().full_path, "cache") if in_file else None
        source = _Images(images)
        cached = CachedImages(source=source, file=file)
        loaded = source.loaded
        for _ in range(2):
            dataset = tf.data.Dataset.range(300).map(cached.load, tf.data.AUTOTUNE)
            self.assertEqual(dataset.element_spec, tf.TensorSpec((4, 3, 2), tf.float32))
            self.assertAllEqual(list(dataset.as_numpy_iterator()), images)
        self.assertEqual(source.loaded, loaded)
        self.assertEqual(cached.num_bytes, images.size * (1 if exact else 4))
        self.assertEqual(cached.keys, source.keys)
        self.assertAllEqual(cached.labels, source.labels)
        if in_file:
            self.assertEqual(os.listdir(os.path.dirname(file)), ["cache"])
            self.assertEqual(os.path.getsize(file), cached.num_bytes)

    def test_another_run_may_take_the_name_of_the_file(self):
        file = os.path.join(self.create_tempdir().full_path, "cache")
        first = CachedImages(source=_Images(_eight_bits()), file=file)
        CachedImages(source=_Images(np.zeros((2, 4, 3, 2), np.float32)), file=file)
        images = tf.data.Dataset.range(300).map(first.load).as_numpy_iterator()
        self.assertAllEqual(list(images), _eight_bits())

    def test_the_disk_has_room_for_all_images_before_the_first_is_loaded(self):
        file = os.path.join(self.create_tempdir().full_path, "cache")
        source = _Images(_eight_bits())
        taken = []

        def look(index):
            (written,) = os.scandir(os.path.dirname(file))
            taken.append(512 * written.stat().st_blocks)
            return source.images[index]

        with mock.patch.object(source, "_image", look):
            CachedImages(source=source, file=file)
        self.assertGreaterEqual(min(taken), 300 * 4 * 3 * 2)

    def test_a_full_disk_is_an_error_that_names_the_file(self):
        file = os.path.join(self.create_tempdir().full_path, "cache")
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with mock.patch.object(os, "posix_fallocate", side_effect=full):
            with self.assertRaisesRegex(OSError, f"No space left on device: '{file}'"):
                CachedImages(source=_Images(_eight_bits()), file=file)
        self.assertEmpty(os.listdir(os.path.dirname(file)))

    def test_refuses_a_file_in_a_missing_folder(self):
        with self.assertRaisesRegex(ValueError, "existing folder, got '/no/such/cache'"):
            CachedImages(source=_Images(_eight_bits()), file="/no/such/cache")


if __name__ == "__main__":
    tf.test.main()
