"""Tests of networks that round as int8 files do, and of training them."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.deployment.embedding_endpoints import EmbeddingEndpoints
from rtml_tf.deployment.fake_quantization import (
    FakeQuantizedLinear,
    FakeQuantizedRange,
    fake_quantized_network,
    observe_ranges,
)
from rtml_tf.deployment.parity import cosines
from rtml_tf.deployment.quantization_aware_tuning import QuantizationAwareTuning
from rtml_tf.deployment.tflite_forms import Int8
from rtml_tf.networks.resnet import cifar_resnet
from rtml_tf.networks.shufflenet_v1 import shufflenet_v1
from tests.deployment.tiny_networks import embedding_network, images


def _parts(network, kind):
    return [part for part in network.submodules if isinstance(part, kind)]


def _skewed_network():
    """One channel is 20 times as wide as the others, and counts 20 times less.

    In integers with one scale for all channels little is left of the others.
    """
    network = embedding_network()
    _, norm, dense = (layer for layer in network.layers if layer.weights)
    factors = np.where(np.arange(8) == 0, 20.0, 1.0)
    gamma, beta, mean, variance = norm.get_weights()
    norm.set_weights([gamma * factors, beta * factors, mean, variance])
    kernel, bias = dense.get_weights()
    kernel = kernel.reshape(-1, 8, 4) / factors[:, None]
    dense.set_weights([kernel.reshape(-1, 4), bias])
    return network


class FakeQuantizationTest(parameterized.TestCase, tf.test.TestCase):
    def _in_int8(self, network, examples):
        path = pathlib.Path(self.create_tempdir().full_path) / "int8.tflite"
        endpoints = EmbeddingEndpoints(network=network)
        Int8().write(endpoints, path, examples)
        return Int8().load(endpoints, path)

    @parameterized.named_parameters(
        ("tiny", embedding_network),
        ("residual", lambda: cifar_resnet(input_shape=(8, 6, 3), depth=8, width=0.25)),
        (
            "grouped_and_depthwise",
            lambda: shufflenet_v1(input_shape=(32, 32, 3), width=0.25, embedding_size=8),
        ),
    )
    def test_without_rounding_it_is_the_network(self, build):
        """While ranges are observed nothing is rounded in inference mode."""
        tf.keras.utils.set_random_seed(0)
        network = build()
        for layer in network.layers:
            if isinstance(layer, tf.keras.layers.BatchNormalization):
                layer.set_weights([np.random.uniform(0.5, 1.5, w.shape) for w in layer.weights])
        given = images(4, network.input_shape[1:])
        expected = network(given)
        rounding = fake_quantized_network(network)
        for part in _parts(rounding, FakeQuantizedRange):
            part.observing = True
        self.assertAllClose(rounding(given), expected, atol=1e-5)
        self.assertEmpty(_parts(rounding, tf.keras.layers.BatchNormalization))
        self.assertAllEqual(network(given), expected)

    def test_it_computes_in_float32_whatever_the_policy_of_the_run(self):
        network = embedding_network()
        given = images(4, network.input_shape[1:])
        self.addCleanup(tf.keras.mixed_precision.set_global_policy, "float32")
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        rounding = fake_quantized_network(network)
        observe_ranges(rounding, given, batch_size=2)
        self.assertEqual(rounding(given, training=True).dtype, tf.float32)

    def test_kernels_are_rounded_by_channel_and_dense_ones_as_a_whole(self):
        network = embedding_network()
        rounding = fake_quantized_network(network)
        convolution, dense = sorted(
            _parts(rounding, FakeQuantizedLinear), key=lambda part: -len(part.kernel.shape)
        )
        for layer, given, axis in (
            (convolution, images(1) - 0.5, (0, 1, 2)),
            (dense, np.float32(images(1, (192,))), (0, 1)),
        ):
            kernel = layer.kernel.numpy()
            scale = np.abs(kernel).max(axis, keepdims=True) / 127
            exact = layer(given).numpy()
            rounded = layer(given, training=True).numpy()
            layer.kernel.assign(scale * np.rint(kernel / scale))
            self.assertAllClose(layer(given), rounded, atol=1e-4)
            self.assertNotAllClose(exact, rounded, atol=1e-4)

    def test_the_file_has_the_ranges(self):
        """(high - low) / 255 is the scale of a range, of those that include 0."""
        rounding = fake_quantized_network(embedding_network())
        observe_ranges(rounding, images(40), 16)
        (after_relu,) = (p for p in _parts(rounding, FakeQuantizedRange) if p.name == "re_lu_range")
        self.assertEqual(after_relu.low.numpy(), 0.0)
        after_relu.high.assign(3.0 * after_relu.high)
        path = pathlib.Path(self.create_tempdir().full_path) / "int8.tflite"
        Int8().write(EmbeddingEndpoints(network=rounding), path, images(40))
        scales = [x["quantization"][0] for x in tf.lite.Interpreter(str(path)).get_tensor_details()]
        expected = after_relu.high.numpy() / 255
        self.assertTrue(np.any(np.isclose(scales, expected, rtol=1e-4)), scales)

    def test_tuning_saves_a_network_that_quantises_badly(self):
        network, examples, held_out = _skewed_network(), images(200), images(100, seed=5)
        reference = network(held_out).numpy()
        before = cosines(self._in_int8(network, examples)(held_out).numpy(), reference)
        tuned = QuantizationAwareTuning(steps=150).tuned(network, examples)
        after = cosines(self._in_int8(tuned, examples)(held_out).numpy(), reference)
        self.assertLess(before.min(), 0.6)
        self.assertGreater(after.min(), 0.75)
        simulated = cosines(tuned(held_out, training=True).numpy(), reference)
        self.assertAllClose(after.mean(), simulated.mean(), atol=0.02)
        self.assertAllEqual(network(held_out), reference)

    def test_tuning_that_does_harm_is_undone(self):
        """A learning rate that is much too high."""
        network, examples = embedding_network(), images(40)
        tuned = QuantizationAwareTuning(steps=5, learning_rate=10.0).tuned(network, examples)
        untuned = fake_quantized_network(network)
        observe_ranges(untuned, examples, 32)
        self.assertAllEqual(tuned(examples), untuned(examples))

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "steps and batch_size .* got 0 and 32"):
            QuantizationAwareTuning(steps=0)
        with self.assertRaisesRegex(ValueError, "learning_rate must be positive, got nan"):
            QuantizationAwareTuning(learning_rate=float("nan"))
        image = tf.keras.Input((8, 6, 3))
        two = tf.keras.Model(image, {"p1": image + 1.0, "p2": image})
        with self.assertRaisesRegex(ValueError, "functional network of one output to be tuned"):
            fake_quantized_network(two)


if __name__ == "__main__":
    tf.test.main()
