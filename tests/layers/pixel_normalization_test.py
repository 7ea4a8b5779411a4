"""Tests of the pixel normalisation layer."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.pixel_normalization import PixelNormalization


class PixelNormalizationTest(tf.test.TestCase, parameterized.TestCase):
    def test_default_maps_the_unit_interval_to_plus_minus_two(self):
        images = tf.constant([0.0, 0.5, 1.0], shape=[1, 3, 1, 1])
        normalized = PixelNormalization()(images)
        self.assertAllClose(tf.reshape(normalized, [-1]), [-2.0, 0.0, 2.0])

    def test_each_channel_has_its_numbers_and_channels_are_reversed_last(self):
        images = tf.constant([[[[0.2, 0.4, 0.6]]]])
        arguments = {"mean": (0.1, 0.2, 0.3), "std": (0.1, 0.5, 0.2)}
        self.assertAllClose(PixelNormalization(**arguments)(images), [[[[1.0, 0.4, 1.5]]]])
        reversed_channels = PixelNormalization(**arguments, reverse_channels=True)(images)
        self.assertAllClose(reversed_channels, [[[[1.5, 0.4, 1.0]]]])

    def test_mixed_precision_rounds_only_the_result(self):
        images = tf.constant(np.linspace(0.45, 0.55, 16), tf.float32, shape=[1, 4, 4, 1])
        exact = (images - 0.5) / 0.01
        normalized = PixelNormalization(mean=0.5, std=0.01, dtype="mixed_bfloat16")(images)
        self.assertEqual(normalized.dtype, tf.bfloat16)
        self.assertAllClose(tf.cast(normalized, tf.float32), exact, rtol=2**-8, atol=1e-4)

    @parameterized.parameters(
        {},
        {"mean": 0.1, "std": 2.0},
        {"mean": [0.1, 0.2], "std": 0.5, "reverse_channels": True},
    )
    def test_survives_serialisation(self, **arguments):
        layer = PixelNormalization(name="pixels", **arguments)
        copy = tf.keras.layers.deserialize(tf.keras.layers.serialize(layer))
        images = tf.random.uniform([2, 3, 3, 2])
        self.assertEqual(copy.get_config(), layer.get_config())
        self.assertAllEqual(copy(images), layer(images))

    @parameterized.parameters(
        ({"std": 0.0}, "std must be positive, got 0.0"),
        ({"std": (0.2, -1.0)}, "std must be positive, got"),
        ({"mean": float("nan")}, "mean must be a finite number"),
        ({"mean": ()}, "mean must be a finite number or a sequence of them, got"),
        ({"mean": "imagenet"}, "mean must be a finite number"),
        ({"mean": (0.1, 0.2, 0.3), "std": (0.1, 0.2)}, "one length, got 3 and 2 values"),
    )
    def test_bad_arguments_are_named(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            PixelNormalization(**arguments)

    def test_other_number_of_channels_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "given for 3 channels, got images of shape"):
            PixelNormalization(mean=(0.1, 0.2, 0.3))(tf.zeros([2, 4, 4, 1]))


if __name__ == "__main__":
    tf.test.main()
