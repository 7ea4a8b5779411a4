"""Tests of TFLite files, run by the interpreter."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.local_binary_patterns import LocalBinaryPatterns
from rtml_tf.deployment.embedding_endpoints import EmbeddingEndpoints
from rtml_tf.deployment.tflite_forms import DynamicRange, Float16, Float32, Int8, Int16x8
from rtml_tf.layers.input_view_layer import InputViewLayer
from rtml_tf.layers.l2_normalization import L2Normalization
from tests.deployment.tiny_networks import embedding_network, images


class _Product(tf.keras.layers.Layer):
    """An operation that TFLite can take from TensorFlow only."""

    def call(self, inputs):
        return tf.math.cumprod(inputs, axis=1)


class _IncompleteGamma(tf.keras.layers.Layer):
    """An operation that TFLite cannot take from anywhere."""

    def call(self, inputs):
        return tf.math.igamma(tf.constant(2.0), tf.abs(inputs))


def _lbp_network(dtype):
    image = tf.keras.Input((8, 6, 3), name="image")
    view = LocalBinaryPatterns(neighbourhoods=[(4, 1.0)], grid=(1, 1), dtype=dtype)
    x = tf.keras.layers.Dense(4)(InputViewLayer(view=view)(image))
    return tf.keras.Model(image, L2Normalization()(x))


class TFLiteFormsTest(parameterized.TestCase, tf.test.TestCase):
    def _written(self, form, network):
        path = pathlib.Path(self.create_tempdir().full_path) / "network.tflite"
        endpoints = EmbeddingEndpoints(network=network)
        form.write(endpoints, path, images(40, network.input_shape[1:]))
        return path, form.load(endpoints, path)

    def _types(self, path, shape):
        """The types of the tensors of a file that have a shape, whatever the batch."""
        tensors = tf.lite.Interpreter(str(path)).get_tensor_details()
        return {np.dtype(x["dtype"]).name for x in tensors if list(x["shape"])[1:] == shape}

    @parameterized.named_parameters(
        ("float32", Float32(), 1e-6, "float32", "float32"),
        ("any_batch_size", Float32(batch_size=None), 1e-6, "float32", "float32"),
        ("batches_of_3", Float32(batch_size=3), 1e-6, "float32", "float32"),
        ("float16", Float16(), 2e-3, "float16", "float32"),
        # Measured: 0.017, and 0.009 with activations of 16 bits.
        ("int8", Int8(), 0.025, "int8", "int8"),
        ("integer_io", Int8(float_io=False), 0.025, "int8", "int8"),
        ("int16x8", Int16x8(), 0.012, "int8", "int16"),
    )
    def test_is_the_network(self, form, tolerance, kernel_type, activation_type):
        network = embedding_network()
        path, file = self._written(form, network)
        self.assertEqual(
            tf.lite.Interpreter(str(path)).get_signature_list(),
            {"embed": {"inputs": ["image"], "outputs": ["embedding"]}},
        )
        self.assertAllClose(file(images(7, seed=1)), network(images(7, seed=1)), atol=tolerance)
        self.assertIn(kernel_type, self._types(path, [3, 3, 3]))
        self.assertEqual(self._types(path, [6, 4, 8]), {activation_type})

    def test_dynamic_range_stores_large_kernels_in_a_byte_a_weight(self):
        """TFLite leaves those of up to 1,024 weights alone: here that of the convolution."""
        shape = (12, 12, 3)
        network = embedding_network(image_shape=shape)
        path, file = self._written(DynamicRange(), network)
        given = file(images(7, shape, seed=1))
        self.assertAllClose(given, network(images(7, shape, seed=1)), atol=0.02)
        self.assertIn("int8", self._types(path, [800]))
        self.assertEqual(self._types(path, [3, 3, 3]), {"float32"})
        self.assertEqual(self._types(path, [10, 10, 8]), {"float32"})
        whole, _ = self._written(Float32(), network)
        saved = whole.stat().st_size - path.stat().st_size
        self.assertAlmostEqual(saved, 3 * 4 * 800, delta=200)

    def test_integer_input_and_output(self):
        """The levels of [0, 1] in int8 are 1/255 apart and start at -128."""
        _, file = self._written(Int8(float_io=False), embedding_network())
        description = Int8().describe(file)
        self.assertEqual(description["input"]["dtype"], "int8")
        self.assertAlmostEqual(description["input"]["quantization"]["scale"], 1 / 255, delta=1e-4)
        self.assertEqual(description["input"]["quantization"]["zero_point"], -128)
        # Of a normalised embedding: [-1, 1).
        self.assertEqual(
            description["output"],
            {
                "name": "embedding",
                "shape": [4],
                "dtype": "int8",
                "quantization": {"scale": 1 / 128, "zero_point": 0},
            },
        )

    def test_names_the_operations_that_are_missing(self):
        path = pathlib.Path(self.create_tempdir().full_path) / "network.tflite"
        endpoints = EmbeddingEndpoints(network=embedding_network(_Product()))
        with self.assertRaisesRegex(ValueError, "no built-in operation for Cumprod. Replace"):
            Float32().write(endpoints, path, images(1))
        self.assertFalse(path.exists())
        Float32(select_ops=True).write(endpoints, path, images(1))
        self.assertGreater(path.stat().st_size, 1000)
        endpoints = EmbeddingEndpoints(network=embedding_network(_IncompleteGamma()))
        with self.assertRaisesRegex(ValueError, "has Igamma neither built in nor from TensorFlow"):
            Float32(select_ops=True).write(endpoints, path, images(1))

    def test_local_binary_patterns(self):
        network = _lbp_network("float32")
        _, file = self._written(DynamicRange(), network)
        self.assertAllClose(file(images(5)), network(images(5)), atol=0.02)
        with self.assertRaisesRegex(ValueError, "cannot be computed in the integers of .*Segment"):
            self._written(Int8(), network)
        with self.assertRaisesRegex(ValueError, "no built-in operation for .*Pad"):
            self._written(Float32(), _lbp_network("float64"))


if __name__ == "__main__":
    tf.test.main()
