"""Tests of images as views."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.image_view import ImageView


class ImageViewTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._images = tf.random.stateless_uniform([2, 20, 30, 3], [1, 2])

    def test_changes_nothing_unless_told(self):
        self.assertIs(ImageView()(self._images), self._images)
        self.assertIs(ImageView(image_size=(20, 30))(self._images), self._images)

    @parameterized.parameters((7, 11), (20, 11), (25, 30), (40, 3))
    def test_resizes_as_tensorflow(self, height: int, width: int):
        view = ImageView(image_size=(height, width))
        expected = tf.image.resize(self._images, (height, width), antialias=True)
        self.assertAllClose(tf.function(view)(self._images), expected)
        self.assertEqual(view.output_shape((20, 30, 3)), (height, width, 3))

    def test_grey_is_the_luma(self):
        colours = tf.constant([[[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]])
        view = ImageView(grey=True)
        self.assertAllClose(view(colours)[0, 0, :, 0], [0.2989, 0.587, 0.114])
        self.assertEqual(view.output_shape((20, 30, 3)), (20, 30, 1))
        grey = self._images[..., :1]
        self.assertIs(view(grey), grey)

    def test_small_grey_images_are_those_of_tensorflow(self):
        view = ImageView(image_size=(8, 8), grey=True)
        expected = tf.image.resize(tf.image.rgb_to_grayscale(self._images), (8, 8), antialias=True)
        self.assertAllClose(view(self._images), expected)

    def test_survives_serialisation(self):
        view = ImageView(image_size=[8, 9], grey=True)
        config = tf.keras.utils.serialize_keras_object(view)
        copy = tf.keras.utils.deserialize_keras_object(config)
        self.assertEqual(copy.get_config(), {"image_size": (8, 9), "grey": True})

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, r"image_size must be \(height, width\).* got 8"):
            ImageView(image_size=8)
        with self.assertRaisesRegex(ValueError, r"with 1 or 3 channels, got \(4, 4, 2\)"):
            ImageView(grey=True)(tf.zeros([1, 4, 4, 2]))


if __name__ == "__main__":
    tf.test.main()
