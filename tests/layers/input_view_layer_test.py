"""Tests of views as layers, and of the students behind them."""

import os

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.image_view import ImageView
from rtml_tf.data.lbp_mappings import RotationInvariantUniformPatterns
from rtml_tf.data.local_binary_patterns import LocalBinaryPatterns
from rtml_tf.layers.input_view_layer import InputViewLayer
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.networks.joining import join_networks
from rtml_tf.networks.saving import load_network, save_network


def _descriptor_student(features: int) -> tf.keras.Model:
    descriptor = tf.keras.Input([features], name="descriptor")
    hidden = tf.keras.layers.BatchNormalization()(descriptor)
    hidden = tf.keras.layers.Dense(4)(hidden)
    return tf.keras.Model(descriptor, L2Normalization()(hidden), name="student")


def _pixel_student(view: LocalBinaryPatterns, student: tf.keras.Model) -> tf.keras.Model:
    image = tf.keras.Input([20, 24, 3], name="image")
    return join_networks(
        first=tf.keras.Model(image, InputViewLayer(view=view, name="view")(image)), second=student
    )


class InputViewLayerTest(parameterized.TestCase, tf.test.TestCase):
    def test_is_its_view_in_float32_under_any_policy(self):
        policy = tf.keras.mixed_precision.global_policy()
        self.addCleanup(tf.keras.mixed_precision.set_global_policy, policy)
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        view = ImageView(image_size=(3, 5), grey=True)
        images = tf.random.uniform([2, 8, 9, 3])
        layer = InputViewLayer(view=view)
        self.assertAllEqual(layer(images), view(images))
        self.assertEqual(layer(images).dtype, tf.float32)
        self.assertEqual(layer.compute_output_shape([None, 8, 9, 3]), [None, 3, 5, 1])

    @parameterized.parameters(
        ImageView(image_size=(3, 5)),
        LocalBinaryPatterns(mapping=RotationInvariantUniformPatterns(), grid=(2, 2)),
    )
    def test_survives_serialisation(self, view):
        layer = InputViewLayer(view=view, name="view")
        copy = tf.keras.layers.deserialize(tf.keras.layers.serialize(layer))
        self.assertEqual(copy.get_config(), layer.get_config())
        images = tf.random.uniform([2, 8, 9, 3])
        self.assertAllEqual(copy(images), layer(images))

    def test_refuses_what_is_no_view(self):
        with self.assertRaisesRegex(ValueError, "view must be an InputView, got 'grey'"):
            InputViewLayer(view="grey")


class PixelStudentTest(tf.test.TestCase):
    def test_equals_the_student_of_the_view_also_when_loaded(self):
        view = LocalBinaryPatterns(grid=(2, 2))
        student = _descriptor_student(4 * 59)
        student.set_weights([tf.random.uniform(w.shape, 0.5, 1.5) for w in student.weights])
        pixels = _pixel_student(view, student)
        file = os.path.join(self.create_tempdir(), "pixels.keras")
        save_network(pixels, file)
        images = tf.random.stateless_uniform([3, 20, 24, 3], [0, 1])
        expected = student(view(images))
        self.assertAllClose(pixels(images), expected)
        self.assertAllClose(load_network(file)(images), expected)

    def test_runs_on_phones(self):
        """With the built-in operations of TensorFlow Lite alone."""
        view = LocalBinaryPatterns(neighbourhoods=((8, 1.0),), grid=(2, 2), dtype="float32")
        student = _descriptor_student(4 * 59)
        converter = tf.lite.TFLiteConverter.from_keras_model(_pixel_student(view, student))
        interpreter = tf.lite.Interpreter(model_content=converter.convert())
        images = tf.random.stateless_uniform([1, 20, 24, 3], [0, 1])
        (embeddings,) = interpreter.get_signature_runner()(image=images).values()
        self.assertAllClose(embeddings, student(view(images)))


if __name__ == "__main__":
    tf.test.main()
