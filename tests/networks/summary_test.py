"""Tests of the size of a network."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.networks.summary import summarize

_LAYERS = tf.keras.layers


def _network(input_shape, *layers):
    image = tf.keras.Input(input_shape, name="image")
    output = image
    for layer in layers:
        output = layer(output)
    return tf.keras.Model(image, output, name="small")


class SummaryTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        # 4x4 outputs of 5 channels, each of 3x3x2 terms
        (lambda: _LAYERS.Conv2D(5, 3, strides=2, padding="same"), 4 * 4 * 5 * 3 * 3 * 2),
        # two groups: each output sees one of the two channels
        (lambda: _LAYERS.Conv2D(4, 3, groups=2), 6 * 6 * 4 * 3 * 3 * 1),
        (lambda: _LAYERS.Conv2D(4, 3, dilation_rate=2), 4 * 4 * 4 * 3 * 3 * 2),
        (lambda: _LAYERS.DepthwiseConv2D(3, depth_multiplier=2), 6 * 6 * 4 * 3 * 3),
        (lambda: _LAYERS.SeparableConv2D(5, 3), 6 * 6 * 2 * 3 * 3 + 6 * 6 * 2 * 5),
        (lambda: _LAYERS.Dense(7), 8 * 8 * 2 * 7),
        (lambda: _LAYERS.BatchNormalization(), 0),
    )
    def test_multiply_adds_of_a_layer_are_those_counted_by_hand(self, make, multiply_adds):
        self.assertEqual(summarize(_network((8, 8, 2), make())).multiply_adds, multiply_adds)

    def test_nested_networks_and_shared_layers_count_as_often_as_they_run(self):
        inner = _network((6,), _LAYERS.Dense(6, use_bias=False))
        summary = summarize(_network((6,), inner, inner, _LAYERS.Dense(2)))
        self.assertEqual(summary.multiply_adds, 2 * 36 + 12)
        self.assertEqual(summary.trainable_parameters, 36 + 14)

    def test_parameters_and_bytes(self):
        network = _network(
            (4, 4, 1), _LAYERS.Conv2D(3, 1), _LAYERS.BatchNormalization(), _LAYERS.Flatten()
        )
        summary = summarize(network)
        self.assertEqual(summary.trainable_parameters, 3 + 3 + 2 * 3)
        self.assertEqual(summary.non_trainable_parameters, 2 * 3)
        self.assertEqual(summary.bytes, 4 * 18)
        self.assertEqual((summary.input_shape, summary.output_shape), ((4, 4, 1), (48,)))
        self.assertEqual(
            str(summary),
            "small: 4x4x1 -> 48, 12 trainable and 6 other parameters, 0.00 MB, 0.0 M multiply-adds "
            "per example",
        )

    def test_free_sizes_and_several_inputs_are_errors(self):
        with self.assertRaisesRegex(ValueError, "must be known to count multiply-adds"):
            summarize(_network((None, None, 1), _LAYERS.Conv2D(1, 3)))
        inputs = [tf.keras.Input((2,)), tf.keras.Input((2,))]
        with self.assertRaisesRegex(ValueError, "must have one input and one output, got 2 and 1"):
            summarize(tf.keras.Model(inputs, inputs[0] + inputs[1]))


if __name__ == "__main__":
    tf.test.main()
