"""Tests of generalised-mean pooling."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.generalized_mean_pooling import GeneralizedMeanPooling

_FEATURES = np.random.default_rng(0).uniform(0.1, 9.0, [2, 4, 5, 3]).astype(np.float32)


class GeneralizedMeanPoolingTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1.0, 2.5, 3.0)
    def test_is_the_power_mean(self, p):
        """Reference: the formula in NumPy, float64."""
        expected = np.mean(_FEATURES.astype(np.float64) ** p, axis=(1, 2)) ** (1 / p)
        self.assertAllClose(GeneralizedMeanPooling(p=p)(_FEATURES), expected, rtol=1e-5)

    def test_p_one_is_average_pooling(self):
        average = tf.keras.layers.GlobalAveragePooling2D()(_FEATURES)
        self.assertAllClose(GeneralizedMeanPooling(p=1.0)(_FEATURES), average, rtol=1e-5)

    def test_large_p_tends_to_max_pooling_without_overflow(self):
        features = 1e3 * _FEATURES
        pooled = GeneralizedMeanPooling(p=1000.0)(features)
        self.assertAllClose(pooled, np.max(features, axis=(1, 2)), rtol=4e-3)

    def test_negative_features_count_as_epsilon(self):
        pooled = GeneralizedMeanPooling(epsilon=0.01)(tf.fill([1, 2, 2, 3], -5.0))
        self.assertAllClose(pooled, [[0.01] * 3])

    def test_gradients_equal_finite_differences(self):
        layer = GeneralizedMeanPooling(p=2.0, dtype="float64")
        features = tf.constant(_FEATURES[:1], tf.float64)
        layer(features)
        numeric, analytic = tf.test.compute_gradient(layer, [features])[::-1]
        self.assertAllClose(numeric, analytic, rtol=1e-5, atol=1e-8)
        step = 1e-6
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(features))
        slope = tape.gradient(total, layer.exponent)
        layer.exponent.assign_add(step)
        self.assertAllClose(slope, (tf.reduce_sum(layer(features)) - total) / step, rtol=1e-4)

    def test_exponent_stays_at_least_one_while_it_is_trained(self):
        layer = GeneralizedMeanPooling(p=1.5)
        layer.build(_FEATURES.shape)
        optimizer = tf.keras.optimizers.SGD(1.0)
        optimizer.apply_gradients([(tf.constant(10.0), layer.exponent)])
        self.assertEqual(layer.exponent.numpy(), 1.0)

    def test_fixed_exponent_has_no_weight(self):
        layer = GeneralizedMeanPooling(trainable_p=False)
        layer(_FEATURES)
        self.assertEmpty(layer.weights)

    def test_computes_in_float32_under_mixed_precision(self):
        layer = GeneralizedMeanPooling(dtype="mixed_bfloat16")
        pooled = layer(_FEATURES)
        expected = GeneralizedMeanPooling()(_FEATURES)
        self.assertEqual(pooled.dtype, tf.bfloat16)
        self.assertEqual(layer.exponent.dtype, tf.float32)
        self.assertAllClose(tf.cast(pooled, tf.float32), expected, rtol=2**-7)

    def test_survives_serialisation(self):
        layer = GeneralizedMeanPooling(p=2.0, trainable_p=False, epsilon=0.1, name="gem")
        copy = tf.keras.layers.deserialize(tf.keras.layers.serialize(layer))
        self.assertEqual(copy.get_config(), layer.get_config())
        self.assertAllEqual(copy(_FEATURES), layer(_FEATURES))

    @parameterized.parameters(
        ({"p": 0.5}, "p must be a finite number of at least 1, got 0.5"),
        ({"p": float("inf")}, "p must be a finite number of at least 1, got inf"),
        ({"epsilon": 0.0}, "epsilon must be positive, got 0.0"),
    )
    def test_bad_arguments_are_named(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            GeneralizedMeanPooling(**arguments)


if __name__ == "__main__":
    tf.test.main()
