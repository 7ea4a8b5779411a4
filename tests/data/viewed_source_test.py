"""Tests of sources of views, and of batches of them."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.batches import OrderedBatches, TrainingBatches
from rtml_tf.data.cached_images import CachedImages
from rtml_tf.data.image_view import ImageView
from rtml_tf.data.local_binary_patterns import LocalBinaryPatterns
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.data.random_moves import RandomFlip
from rtml_tf.data.viewed_source import ViewedSource

_PIXELS = np.random.default_rng(0).integers(0, 256, (12, 9, 8, 3)).astype(np.uint8)
_IMAGES = _PIXELS / np.float32(255)


class ViewedSourceTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._images = ArraySource(
            keys=[f"image {i}" for i in range(12)], array=_PIXELS, labels=np.arange(12) // 3
        )
        self._sampler = PKSampler(classes_per_batch=2, images_per_class=2)

    @parameterized.parameters(
        ImageView(image_size=(4, 4), grey=True), LocalBinaryPatterns(grid=(2, 2))
    )
    def test_every_way_of_reading_gives_the_views(self, view):
        source = ViewedSource(source=self._images, view=view)
        expected = view(tf.constant(_IMAGES))
        self.assertEqual(source.image_shape, tuple(expected.shape[1:]))
        self.assertEqual((source.keys, source.num_classes), (self._images.keys, 4))
        self.assertAllEqual(source.labels, self._images.labels)
        one_by_one = tf.data.Dataset.range(12).map(source.load)
        self.assertEqual(one_by_one.element_spec, tf.TensorSpec(source.image_shape, tf.float32))
        self.assertAllClose(list(one_by_one), expected)
        cached = CachedImages(source=source)
        self.assertAllClose(list(tf.data.Dataset.range(12).map(cached.load)), expected)
        ordered = OrderedBatches(source=source, batch_size=5)
        self.assertEqual(ordered.element_spec["image"].shape[1:], source.image_shape)
        read = np.concatenate([batch["image"] for batch in ordered.dataset()])
        self.assertAllClose(read, expected)

    def test_images_are_augmented_before_the_view_is_taken(self):
        view = LocalBinaryPatterns(grid=(2, 2))
        arguments = {"sampler": self._sampler, "augmentation": [RandomFlip()], "seed": 4}
        images = TrainingBatches(source=self._images, **arguments)
        viewed = TrainingBatches(source=ViewedSource(source=self._images, view=view), **arguments)
        self.assertEqual(
            viewed.element_spec["image"], tf.TensorSpec([4, *view.output_shape((9, 8, 3))])
        )
        for image_batch, batch in zip(images.dataset().take(5), viewed.dataset()):
            self.assertAllClose(batch["image"], view(image_batch["image"]))
            self.assertAllEqual(batch["label"], image_batch["label"])

    def test_descriptors_that_are_kept_cannot_be_augmented(self):
        kept = CachedImages(source=ViewedSource(source=self._images, view=LocalBinaryPatterns()))
        with self.assertRaisesRegex(ValueError, r"augmentation changes images .* shape \(2891,\)"):
            TrainingBatches(source=kept, sampler=self._sampler, augmentation=[RandomFlip()])

    def test_refuses_images_that_do_not_fit(self):
        with self.assertRaisesRegex(ValueError, "more cells than the image has pixels"):
            ViewedSource(source=self._images, view=LocalBinaryPatterns(grid=(10, 1)))


if __name__ == "__main__":
    tf.test.main()
