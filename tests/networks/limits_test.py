"""Tests of the limits of a network's size."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.networks.limits import limited


def _network():
    """10 x 4 + 4 parameters and 4 x 4 of the batch norm, 40 multiply-adds."""
    inputs = tf.keras.Input((10,))
    outputs = tf.keras.layers.BatchNormalization()(tf.keras.layers.Dense(4)(inputs))
    return tf.keras.Model(inputs, outputs, name="small")


class LimitedTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        {},
        {"max_parameters": 60},
        {"max_multiply_adds": 40},
        {"max_parameters": 61, "max_multiply_adds": 1_000},
    )
    def test_network_within_its_limits_is_returned(self, **limits):
        network = _network()
        self.assertIs(limited(network=network, **limits), network)

    @parameterized.parameters(
        (
            {"max_parameters": 59},
            r"large: it has 60 parameters, 1 \(1.7%\) more than max_parameters=59\.$",
        ),
        (
            {"max_multiply_adds": 32, "max_parameters": 60},
            r"^network 'small' is too large: it has 40 multiply-adds, 8 \(25.0%\) more .*=32\.$",
        ),
        (
            {"max_multiply_adds": 20, "max_parameters": 30},
            r"60 parameters, 30 \(100.0%\) .*s=30, and 40 multiply-adds, 20 \(100.0%\) .*_adds=20",
        ),
        ({"max_parameters": 0}, "max_parameters must be positive or None, got 0"),
    )
    def test_excess_is_stated(self, limits, message):
        with self.assertRaisesRegex(ValueError, message):
            limited(network=_network(), **limits)

    def test_multiply_adds_of_a_free_size_cannot_be_limited(self):
        image = tf.keras.Input((None, None, 1))
        network = tf.keras.Model(image, tf.keras.layers.Conv2D(2, 3)(image))
        self.assertIs(limited(network=network, max_parameters=20), network)
        with self.assertRaisesRegex(ValueError, "max_multiply_adds cannot be kept by a network"):
            limited(network=network, max_multiply_adds=10)


if __name__ == "__main__":
    tf.test.main()
