"""Tests of the check of embedding networks."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.networks.checking import check_differentiable, check_network
from rtml_tf.networks.resnet import cifar_resnet


def _network(shape, layer):
    image = tf.keras.Input(shape)
    return tf.keras.Model(image, layer(image), name="tried")


class CheckNetworkTest(tf.test.TestCase, parameterized.TestCase):
    def test_image_and_descriptor_networks_pass(self):
        check_network(cifar_resnet(input_shape=(8, 8, 1)))
        check_network(_network((59,), tf.keras.layers.Dense(4)))

    @parameterized.parameters(
        (lambda: _network((5, 3), tf.keras.layers.Flatten()), r"one input, .* got \(None, 5, 3\)"),
        (lambda: _network((5, 5, 3), tf.keras.layers.ReLU()), r"one output, .* \(None, 5, 5, 3\)"),
        (
            lambda: _network((4,), lambda x: [tf.keras.layers.ReLU()(x), x]),
            r"'tried' must have one output, \[B, D\], got \(None, 4\), \(None, 4\)",
        ),
        (
            lambda: _network((4,), tf.keras.layers.ReLU(dtype="float16")),
            "must return float32 embeddings, got float16",
        ),
        (lambda: tf.keras.layers.Dense(4), "network must be a tf.keras.Model, got <keras"),
        (lambda: tf.keras.Sequential([tf.keras.layers.Dense(4)]), "must be built"),
    )
    def test_what_is_wrong_is_named(self, make, message):
        with self.assertRaisesRegex(ValueError, message):
            check_network(make())

    def test_a_network_that_passes_no_gradient_is_named(self):
        check_differentiable(cifar_resnet(input_shape=(8, 8, 1)), (8, 8, 1))
        with self.assertRaisesRegex(ValueError, "'tried' passes no gradient to its inputs"):
            check_differentiable(_network((4,), tf.round), (4,))


if __name__ == "__main__":
    tf.test.main()
