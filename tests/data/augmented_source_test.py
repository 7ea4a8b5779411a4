"""Tests of images that are augmented once and for all."""

import numpy as np
import tensorflow as tf

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.augmented_source import AugmentedSource
from rtml_tf.data.random_crops import RandomCrop
from rtml_tf.data.random_detail import GaussianNoise
from rtml_tf.data.source import Subset


class AugmentedSourceTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._images = ArraySource(
            keys=["a", "b", "c"], array=np.full((3, 6, 5, 1), 0.5, np.float32), labels=[0, 0, 1]
        )

    def _loaded(self, source) -> np.ndarray:
        return np.stack(list(tf.data.Dataset.range(len(source)).map(source.load)))

    def test_an_image_is_always_changed_in_the_same_way(self):
        source = AugmentedSource(
            source=self._images, augmentation=[GaussianNoise(deviation=0.1)], seed=1
        )
        images = self._loaded(source)
        self.assertAllEqual(images, self._loaded(source))
        self.assertAllEqual(images[[2, 0]], self._loaded(Subset(source, [2, 0])))
        self.assertNotAllClose(images[0], images[1])
        other = AugmentedSource(
            source=self._images, augmentation=[GaussianNoise(deviation=0.1)], seed=2
        )
        self.assertNotAllClose(images, self._loaded(other))

    def test_keeps_what_is_known_of_the_images(self):
        source = AugmentedSource(source=self._images, augmentation=[RandomCrop(size=(4, 4))])
        self.assertEqual(source.image_shape, (4, 4, 1))
        self.assertEqual(source.keys, self._images.keys)
        self.assertAllEqual(source.labels, self._images.labels)
        self.assertEqual(self._loaded(source).shape, (3, 4, 4, 1))

    def test_refuses_what_does_not_fit(self):
        with self.assertRaisesRegex(ValueError, "at least one, got none"):
            AugmentedSource(source=self._images, augmentation=[])
        with self.assertRaisesRegex(ValueError, "cannot cut"):
            AugmentedSource(source=self._images, augmentation=[RandomCrop(size=(9, 9))])


if __name__ == "__main__":
    tf.test.main()
