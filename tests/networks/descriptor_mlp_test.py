"""Tests of the perceptron on descriptors."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.layers.standardization import Standardization
from rtml_tf.networks.checking import check_network
from rtml_tf.networks.descriptor_mlp import descriptor_mlp
from rtml_tf.networks.saving import load_network, save_network
from rtml_tf.networks.summary import summarize


def _descriptors(count=50, size=7):
    return np.random.default_rng(0).gamma(2.0, 0.01, size=[count, size]).astype(np.float32)


class DescriptorMlpTest(tf.test.TestCase, parameterized.TestCase):
    def test_size_is_that_of_the_closed_form(self):
        network = descriptor_mlp(input_shape=(7,), hidden_sizes=(5, 4), embedding_size=3)
        summary = summarize(network)
        self.assertEqual(summary.trainable_parameters, 7 * 5 + 2 * 5 + 5 * 4 + 2 * 4 + 4 * 3 + 3)
        self.assertEqual(summary.non_trainable_parameters, 2 * 7 + 2 * 5 + 2 * 4)
        self.assertEqual(summary.multiply_adds, 7 * 5 + 5 * 4 + 4 * 3)
        check_network(network)
        self.assertEqual(network.input_names, ["descriptor"])

    def test_without_hidden_layers_it_is_an_affine_map_of_standard_descriptors(self):
        descriptors = _descriptors()
        standardization = Standardization()
        standardization.adapt([descriptors])
        network = descriptor_mlp(
            input_shape=(7,), hidden_sizes=(), embedding_size=3, standardization=standardization
        )
        standard = (descriptors - descriptors.mean(0)) / descriptors.std(0)
        kernel, bias = network.get_layer("embedding").get_weights()
        expected = standard @ kernel + bias
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        self.assertAllClose(network(descriptors), expected, atol=1e-4)

    def test_batch_norm_at_the_input_learns_the_statistics_of_the_data(self):
        descriptors = _descriptors()
        network = descriptor_mlp(input_shape=(7,), embedding_size=3)
        for _ in range(200):
            network(descriptors, training=True)
        standard = tf.keras.Model(network.input, network.get_layer("standardization").output)(
            descriptors
        )
        self.assertAllClose(np.mean(standard, axis=0), np.zeros(7), atol=1e-3)
        self.assertAllClose(np.std(standard, axis=0), np.ones(7), atol=0.02)

    def test_standardization_is_a_copy(self):
        standardization = Standardization(floor=0.5)
        standardization.adapt([_descriptors()])
        network = descriptor_mlp(input_shape=(7,), standardization=standardization)
        copy = network.get_layer("standardization")
        self.assertIsNot(copy, standardization)
        self.assertEqual(copy.floor, 0.5)
        standardization.adapt([2.0 * _descriptors()])
        self.assertAllClose(2.0 * copy.mean, standardization.mean)

    def test_dropout_is_there_in_training_only(self):
        descriptors = _descriptors()
        network = descriptor_mlp(input_shape=(7,), dropout=0.5)
        self.assertAllEqual(network(descriptors), network(descriptors))
        hidden = tf.keras.Model(network.input, network.get_layer("hidden1_dropout").output)
        dropped = np.mean(hidden(descriptors, training=True) == 0.0)
        self.assertAllClose(dropped, 0.75, atol=0.05)  # half of them, and half by the ReLU

    @parameterized.parameters(True, False)
    def test_loaded_folded_and_converted_network_is_the_same(self, adapted):
        standardization = None
        if adapted:
            standardization = Standardization()
            standardization.adapt([_descriptors()])
        network = descriptor_mlp(
            input_shape=(7,), hidden_sizes=(6, 5), dropout=0.3, standardization=standardization
        )
        for _ in range(3):
            network(_descriptors(), training=True)
        descriptors = _descriptors(count=1)
        expected = network(descriptors)
        file = pathlib.Path(self.create_tempdir()) / "network.keras"
        save_network(network, file)
        self.assertAllEqual(load_network(file)(descriptors), expected)
        view = InferenceView(network=network)
        self.assertEqual(view.folded, ("hidden1_bn", "hidden2_bn"))
        self.assertAllClose(view(descriptors), expected, atol=1e-5)
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        interpreter = tf.lite.Interpreter(model_content=converter.convert())
        (embedding,) = interpreter.get_signature_runner()(descriptor=descriptors).values()
        self.assertAllClose(embedding, expected, atol=1e-4)

    @parameterized.parameters(
        ({"input_shape": (7, 7, 1)}, r"one positive integer, \(F,\), got \(7, 7, 1\)"),
        ({"input_shape": (0,)}, r"one positive integer, \(F,\), got \(0,\)"),
        ({"hidden_sizes": (5, 0)}, r"hidden_sizes must be positive integers, got \(5, 0\)"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ({"embedding_size": 0}, "embedding_size must be a positive integer, got 0"),
        ({"standardization": "z"}, "standardization must be a Keras layer or None, got 'z'"),
        (
            {"standardization": tf.keras.layers.Dense(3)},
            r"must keep the shape \(None, 7\), got Dense with output shape \(None, 3\)",
        ),
    )
    def test_bad_arguments_are_named(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            descriptor_mlp(**{"input_shape": (7,)} | arguments)


if __name__ == "__main__":
    tf.test.main()
