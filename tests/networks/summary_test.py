"""Tests of the size of a network."""

import tensorflow as tf

from rtml_tf.networks.summary import summarize

_LAYERS = tf.keras.layers


def _network(input_shape, *layers):
    image = tf.keras.Input(input_shape, name="image")
    output = image
    for layer in layers:
        output = layer(output)
    return tf.keras.Model(image, output, name="small")


class SummaryTest(tf.test.TestCase):
    def test_parameters_and_bytes(self):
        network = _network(
            (4, 4, 1), _LAYERS.Conv2D(3, 1), _LAYERS.BatchNormalization(), _LAYERS.Flatten()
        )
        summary = summarize(network)
        self.assertEqual(summary.trainable_parameters, 3 + 3 + 2 * 3)
        self.assertEqual(summary.non_trainable_parameters, 2 * 3)
        self.assertEqual(summary.parameters, 18)
        self.assertEqual(summary.bytes, 4 * 18)
        self.assertEqual(summary.multiply_adds, 4 * 4 * 3)
        self.assertEqual((summary.input_shape, summary.output_shapes), ((4, 4, 1), ((48,),)))
        self.assertEqual(
            str(summary),
            "small: 4x4x1 -> 48, 12 trainable and 6 other parameters, 0.00 MB, 0.0 M multiply-adds "
            "per example",
        )

    def test_several_outputs(self):
        image = tf.keras.Input((4, 4, 1))
        heads = {name: _LAYERS.Conv2D(2, 1, name=name)(image) for name in ("p1", "p2")}
        summary = summarize(tf.keras.Model(image, heads, name="two"))
        self.assertEqual(summary.multiply_adds, 2 * 4 * 4 * 2)
        self.assertStartsWith(str(summary), "two: 4x4x1 -> 4x4x2 and 4x4x2, 8 trainable")

    def test_multiply_adds_of_a_free_size_are_not_known(self):
        summary = summarize(_network((None, None, 1), _LAYERS.Conv2D(1, 3)))
        self.assertIsNone(summary.multiply_adds)
        self.assertEndsWith(
            str(summary), "?x?x1 -> ?x?x1, 10 trainable and 0 other parameters, 0.00 MB"
        )

    def test_several_inputs_are_an_error(self):
        inputs = [tf.keras.Input((2,)), tf.keras.Input((2,))]
        with self.assertRaisesRegex(ValueError, "must have one input, got 2"):
            summarize(tf.keras.Model(inputs, inputs[0] + inputs[1]))


if __name__ == "__main__":
    tf.test.main()
