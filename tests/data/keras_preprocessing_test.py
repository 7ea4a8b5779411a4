"""Tests of Keras layers as a step of a pipeline."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.augmentation import KerasPreprocessing

_SEED = tf.constant([1, 2])
_IMAGE = tf.random.stateless_uniform((6, 8, 1), (3, 4))


class KerasPreprocessingTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        policy = tf.keras.mixed_precision.global_policy()
        self.addCleanup(tf.keras.mixed_precision.set_global_policy, policy)

    @parameterized.product(
        policy=("float32", "mixed_bfloat16", "mixed_float16"), in_sequence=(False, True)
    )
    def test_applies_the_layer(self, policy: str, in_sequence: bool):
        tf.keras.mixed_precision.set_global_policy(policy)
        layer = tf.keras.layers.CenterCrop(2, 4, dtype="float32")
        change = KerasPreprocessing(layer=tf.keras.Sequential([layer]) if in_sequence else layer)
        images = tf.data.Dataset.from_tensors(_IMAGE).map(lambda image: change(image, _SEED))
        self.assertEqual(images.element_spec, tf.TensorSpec([2, 4, 1], tf.float32))
        self.assertAllEqual(next(iter(images)), _IMAGE[2:4, 2:6])

    def test_survives_its_configuration(self):
        layer = tf.keras.Sequential(
            [tf.keras.layers.Resizing(4, 4), tf.keras.layers.Rescaling(-1.0, 1.0)]
        )
        change = KerasPreprocessing(layer=layer)
        expected = change(_IMAGE, _SEED)
        config = tf.keras.utils.serialize_keras_object(change)
        copy = tf.keras.utils.deserialize_keras_object(config)
        self.assertAllEqual(copy(_IMAGE, _SEED), expected)
        self.assertAllClose(expected, 1.0 - tf.image.resize(_IMAGE, (4, 4)))

    def test_images_that_leave_the_unit_range_stop_the_pipeline(self):
        change = KerasPreprocessing(layer=tf.keras.layers.Rescaling(2.0, -1.0, name="to_signed"))
        images = tf.data.Dataset.from_tensors(_IMAGE).map(lambda image: change(image, _SEED))
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "to_signed must keep images"):
            next(iter(images))

    @parameterized.parameters("mixed_bfloat16", "mixed_float16")
    def test_refuses_layers_that_would_round_the_pixels(self, policy: str):
        tf.keras.mixed_precision.set_global_policy(policy)
        layer = tf.keras.layers.Rescaling(1.0)
        message = f"got Rescaling, which computes in {policy[6:]}. Give it dtype='float32'"
        for wrong in (layer, tf.keras.Sequential([layer])):
            with self.assertRaisesRegex(ValueError, message):
                KerasPreprocessing(layer=wrong)

    @parameterized.parameters(
        (tf.keras.layers.RandomFlip(), "got RandomFlip.* Use .*augmentation.RandomFlip instead"),
        (tf.keras.layers.RandomZoom(0.1), "got RandomZoom.* Use .*RandomResizedCrop instead"),
        (
            tf.keras.Sequential([tf.keras.layers.Rescaling(1.0), tf.keras.layers.RandomCrop(4, 4)]),
            "got RandomCrop.* Use .*augmentation.RandomCrop instead",
        ),
        (tf.keras.layers.GaussianNoise(0.1), "got GaussianNoise.* Write an .*Augmentation"),
        (lambda image: image, "layer must be a tf.keras layer, got <function"),
    )
    def test_refuses_layers_with_a_random_state(self, layer, message: str):
        with self.assertRaisesRegex(ValueError, message):
            KerasPreprocessing(layer=layer)


if __name__ == "__main__":
    tf.test.main()
