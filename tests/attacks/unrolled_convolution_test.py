"""Tests for convolutions of small maps; the reference is TensorFlow's convolution."""

import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.attacks.unrolled_convolution import is_worth_unrolling, unrolled

layers = tf.keras.layers


def _built(channels_in, **arguments):
    layer = layers.Conv2D(**arguments)
    layer.build([None, None, None, channels_in])
    return layer


class UnrolledTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        *itertools.product([(1, 1), (2, 2), (1, 3), (3, 2)], [(3, 3), (5, 2)], [1, 2], [1]),
        *itertools.product([(2, 2), (4, 3), (5, 5)], [(3, 3), (2, 4)], [1], [2, 3]),
        ((4, 4), (3, 3), (2, 3), 1),
    )
    def test_equals_the_convolution_and_its_gradients(self, size, kernel_size, strides, dilation):
        layer = _built(
            3,
            filters=4,
            kernel_size=kernel_size,
            strides=strides,
            dilation_rate=dilation,
            padding="same",
        )
        rng = np.random.default_rng(0)
        inputs = tf.constant(rng.normal(size=(5, *size, 3)), tf.float32)
        kernel = tf.constant(rng.normal(size=layer.kernel.shape), tf.float32)
        bias = tf.constant(rng.normal(size=4), tf.float32)

        def values(convolve):
            with tf.GradientTape() as tape:
                tape.watch([inputs, kernel])
                outputs = convolve(inputs)
                value = tf.reduce_sum(tf.sin(outputs))
            return outputs, *tape.gradient(value, [inputs, kernel])

        found = values(lambda images: unrolled(layer, kernel, bias, size)(images))
        expected = values(lambda images: layer.convolution_op(images, kernel) + bias)
        self.assertAllClose(found, expected, atol=1e-5)

    def test_maps_of_another_size_are_refused(self):
        layer = _built(3, filters=4, kernel_size=3, padding="same")
        convolve = unrolled(layer, layer.kernel, None, (2, 2))
        with self.assertRaisesRegex(ValueError, r"4.*2"):
            tf.function(convolve)(tf.zeros([1, 4, 4, 3]))


class WorthTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.named_parameters(
        ("map_of_2x2", {}, [None, 2, 2, 6], True),
        ("map_of_3x3", {}, [None, 3, 3, 6], False),
        ("large_kernel", {"kernel_size": 5}, [None, 3, 4, 6], True),
        ("pointwise", {"kernel_size": 1}, [None, 1, 1, 6], False),
        ("any_size", {}, [None, None, None, 6], False),
        ("not_padded", {"padding": "valid"}, [None, 2, 2, 6], False),
        ("grouped", {"groups": 2}, [None, 2, 2, 6], False),
    )
    def test_small_maps_alone(self, arguments, shape, expected):
        layer = _built(6, **({"filters": 4, "kernel_size": 3, "padding": "same"} | arguments))
        self.assertEqual(is_worth_unrolling(layer, shape), expected)

    def test_other_layers_are_not(self):
        layer = layers.DepthwiseConv2D(3, padding="same")
        layer.build([None, 2, 2, 6])
        self.assertFalse(is_worth_unrolling(layer, [None, 2, 2, 6]))

    def test_a_view_unrolls_what_is_worth_it(self):
        image = layers.Input([4, 4, 2])
        x = layers.Conv2D(3, 3, strides=2, padding="same")(image)
        x = layers.BatchNormalization()(layers.Conv2D(3, 3, padding="same")(x))
        network = tf.keras.Model(image, layers.Flatten()(x))
        for variable in network.variables:
            variable.assign(np.random.default_rng(0).uniform(0.5, 1.5, variable.shape))
        images = np.random.default_rng(1).normal(size=(3, 4, 4, 2)).astype(np.float32)
        view = InferenceView(network=network)
        self.assertAllClose(view(images), network(images, training=False), rtol=1e-5)
        graph = tf.function(view).get_concrete_function(tf.TensorSpec([None, 4, 4, 2])).graph
        kinds = [operation.type for operation in graph.get_operations()]
        self.assertEqual((kinds.count("Conv2D"), kinds.count("MatMul")), (1, 1))


if __name__ == "__main__":
    tf.test.main()
