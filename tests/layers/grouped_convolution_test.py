"""Tests of the grouped convolution."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.grouped_convolution import GroupedConv2D


def _block_diagonal(kernel, groups):
    """The kernel of the convolution without groups that computes the same."""
    height, width, inputs, outputs = kernel.shape
    whole = np.zeros([height, width, inputs * groups, outputs], np.float32)
    for group in range(groups):
        rows = slice(group * inputs, (group + 1) * inputs)
        columns = slice(group * outputs // groups, (group + 1) * outputs // groups)
        whole[:, :, rows, columns] = kernel[..., columns]
    return whole


class GroupedConv2DTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (1, 3, {"kernel_size": 3, "padding": "same"}),
        (3, 6, {"kernel_size": 1}),
        (2, 4, {"kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"}),
        (6, 12, {"kernel_size": (1, 2), "dilation_rate": 2, "use_bias": False}),
    )
    def test_value_and_gradients_are_those_of_a_block_diagonal_kernel(
        self, groups, filters, arguments
    ):
        layer = GroupedConv2D(filters, groups=groups, bias_initializer="random_normal", **arguments)
        plain = tf.keras.layers.Conv2D(filters, **arguments)
        features = tf.random.stateless_normal([2, 7, 6, 6], seed=(0, 1))
        layer(features), plain(features)
        plain.set_weights([_block_diagonal(layer.kernel.numpy(), groups), *layer.get_weights()[1:]])

        @tf.function
        def differentiate(convolve):
            with tf.GradientTape() as tape:
                tape.watch(features)
                outputs = convolve(features)
                loss = tf.reduce_sum(outputs**2)
            return [outputs, *tape.gradient(loss, [features, *convolve.weights])]

        found, expected = differentiate(layer), differentiate(plain)
        kernel_gradient, expected_kernel_gradient = found.pop(2), expected.pop(2)
        for value, reference in zip(found, expected, strict=True):
            self.assertAllClose(value, reference, atol=1e-4, rtol=1e-4)
        mask = _block_diagonal(np.ones(layer.kernel.shape), groups)
        self.assertAllClose(
            _block_diagonal(kernel_gradient.numpy(), groups),
            expected_kernel_gradient * mask,
            atol=1e-3,
            rtol=1e-4,
        )

    def test_weights_are_those_of_the_layer_of_keras(self):
        layer = GroupedConv2D(6, 3, groups=2, name="grouped")
        of_keras = tf.keras.layers.Conv2D(6, 3, groups=2)
        features = tf.random.stateless_normal([1, 5, 5, 4], seed=(0, 1))
        of_keras(features), layer(features)
        layer.set_weights(of_keras.get_weights())
        self.assertAllClose(layer(features), of_keras(features), atol=1e-5)
        copy = tf.keras.layers.deserialize(tf.keras.layers.serialize(layer))
        self.assertEqual(copy.get_config(), layer.get_config())

    def test_no_operation_is_grouped_so_that_every_processor_has_its_gradient(self):
        layer = GroupedConv2D(6, 1, groups=3)
        function = tf.function(layer).get_concrete_function(tf.TensorSpec([1, 4, 4, 9]))
        convolutions = [x for x in function.graph.get_operations() if x.type == "Conv2D"]
        self.assertLen(convolutions, 3)
        for convolution in convolutions:
            features, kernel = convolution.inputs
            self.assertEqual(features.shape[-1], kernel.shape[2])

    def test_computes_in_low_precision(self):
        layer = GroupedConv2D(4, 1, groups=2, dtype="mixed_bfloat16")
        self.assertEqual(layer(tf.ones([1, 2, 2, 4])).dtype, tf.bfloat16)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "data_format must be .* got 'channels_first'"):
            GroupedConv2D(4, 1, groups=2, data_format="channels_first")
        with self.assertRaisesRegex(ValueError, "evenly divisible by the number of groups"):
            GroupedConv2D(4, 1, groups=2)(tf.ones([1, 2, 2, 3]))


if __name__ == "__main__":
    tf.test.main()
