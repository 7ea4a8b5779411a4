"""Tests of the count of multiply-adds."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.grouped_convolution import GroupedConv2D
from rtml_tf.networks.complexity import multiply_adds
from rtml_tf.networks.teacher import load_teacher

_LAYERS = tf.keras.layers
_APPLICATIONS = tf.keras.applications


def _network(input_shape, *layers):
    image = tf.keras.Input(input_shape, name="image")
    output = image
    for layer in layers:
        output = layer(output)
    return tf.keras.Model(image, output, name="small")


class MultiplyAddsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        # 4x4 outputs of 5 channels, each of 3x3x2 terms
        (lambda: _LAYERS.Conv2D(5, 3, strides=2, padding="same"), 4 * 4 * 5 * 3 * 3 * 2),
        # two groups: each output sees one of the two channels
        (lambda: _LAYERS.Conv2D(4, 3, groups=2), 6 * 6 * 4 * 3 * 3 * 1),
        (lambda: GroupedConv2D(4, 3, groups=2), 6 * 6 * 4 * 3 * 3 * 1),
        (lambda: _LAYERS.Conv2D(4, 3, dilation_rate=2), 4 * 4 * 4 * 3 * 3 * 2),
        # 8 is no multiple of 3: TensorFlow pads to 9, which is not counted
        (lambda: _LAYERS.Conv2D(4, 3, dilation_rate=3, padding="same"), 8 * 8 * 4 * 3 * 3 * 2),
        (lambda: _LAYERS.DepthwiseConv2D(3, dilation_rate=3, padding="same"), 8 * 8 * 2 * 3 * 3),
        (lambda: _LAYERS.DepthwiseConv2D(3, depth_multiplier=2), 6 * 6 * 4 * 3 * 3),
        (lambda: _LAYERS.SeparableConv2D(5, 3), 6 * 6 * 2 * 3 * 3 + 6 * 6 * 2 * 5),
        # each input is added to 3x3 outputs of 5 channels
        (lambda: _LAYERS.Conv2DTranspose(5, 3, strides=2), 8 * 8 * 2 * 3 * 3 * 5),
        (lambda: _LAYERS.Dense(7), 8 * 8 * 2 * 7),
        (lambda: _LAYERS.EinsumDense("bhwc,cd->bhwd", (8, 8, 7)), 8 * 8 * 2 * 7),
        (lambda: _LAYERS.BatchNormalization(), 0),
    )
    def test_layers_are_counted_as_by_hand(self, make, expected):
        self.assertEqual(multiply_adds(_network((8, 8, 2), make())), expected)

    def test_nested_networks_and_shared_layers_count_as_often_as_they_run(self):
        inner = _network((6,), _LAYERS.Dense(6, use_bias=False))
        self.assertEqual(multiply_adds(_network((6,), inner, inner, _LAYERS.Dense(2))), 2 * 36 + 12)

    @parameterized.parameters(
        ("MobileNetV2", {"alpha": 1.0}, 300),
        ("MobileNetV2", {"alpha": 0.35}, 59),
        ("MobileNetV3Small", {}, 56),
    )
    def test_networks_of_keras_are_counted_as_published(self, name, arguments, mega):
        """Millions at 224x224: Sandler et al. 2018, table 4, and its model zoo for 0.35; Howard
        et al. 2019, table 3, rounded down."""
        network = getattr(_APPLICATIONS, name)(weights=None, input_shape=(224, 224, 3), **arguments)
        self.assertEqual(multiply_adds(network) // 1_000_000, mega)

    def test_network_behind_a_saved_model_is_counted(self):
        network = _network((8, 8, 2), _LAYERS.Conv2D(3, 3), _LAYERS.Flatten(), _LAYERS.Dense(4))
        folder = self.create_tempdir().full_path
        network.export(folder)
        behind = load_teacher(path=folder)
        self.assertEqual(multiply_adds(behind), 6 * 6 * 3 * 3 * 3 * 2 + 6 * 6 * 3 * 4)

    def test_what_cannot_be_counted_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "must be known to count multiply-adds"):
            multiply_adds(_network((None, None, 1), _LAYERS.Conv2D(1, 3)))
        with self.assertRaisesRegex(ValueError, r"multiply-adds of Conv3D \(.*\) cannot be"):
            multiply_adds(_network((4, 4, 4, 1), _LAYERS.Conv3D(1, 3)))
        with self.assertRaisesRegex(ValueError, "of StatelessWhile .* cannot be counted"):
            multiply_adds(_network((4, 3), _LAYERS.LSTM(2)))


if __name__ == "__main__":
    tf.test.main()
