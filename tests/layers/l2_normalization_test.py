"""Tests of the L2 normalisation layer."""

import tensorflow as tf

from rtml_tf.layers.l2_normalization import L2Normalization


class L2NormalizationTest(tf.test.TestCase):
    def test_rows_have_unit_length(self):
        self.assertAllClose(
            L2Normalization()(tf.constant([[3.0, 4.0], [0.0, -2.0]])), [[0.6, 0.8], [0.0, -1.0]]
        )

    def test_zero_vector_stays_zero_and_has_no_gradient_in_training(self):
        embeddings = tf.Variable([[0.0, 0.0], [3.0, 4.0]])
        with tf.GradientTape() as tape:
            normalized = L2Normalization()(embeddings, training=True)
        self.assertAllClose(normalized, [[0.0, 0.0], [0.6, 0.8]])
        # Of the unit vector u the sum has the gradient (1 - (u1 + u2) u) / 5.
        self.assertAllClose(tape.gradient(normalized, embeddings), [[0.0, 0.0], [0.032, -0.024]])

    def test_training_changes_nothing_of_longer_vectors(self):
        rows = (
            tf.random.stateless_normal((50, 7), (1, 2))
            * 10.0 ** tf.linspace(-5.0, 5.0, 50)[:, tf.newaxis]
        )
        weights = tf.random.stateless_normal((50, 7), (3, 4))
        results = []
        for training in (False, True):
            with tf.GradientTape() as tape:
                tape.watch(rows)
                normalized = L2Normalization()(rows, training=training)
            results.append((normalized, tape.gradient(normalized, rows, weights)))
        self.assertAllEqual(results[0][0], results[1][0])
        self.assertAllEqual(results[0][1], results[1][1])

    def test_inference_has_the_operations_of_tensorflow(self):
        """So that what is exported is as small as it can be, whatever training needs."""

        def operations(normalize):
            signature = tf.TensorSpec((None, 3))
            graph = tf.function(normalize).get_concrete_function(signature).graph
            return [operation.type for operation in graph.get_operations()]

        self.assertEqual(
            operations(L2Normalization()), operations(lambda x: tf.math.l2_normalize(x, axis=-1))
        )

    def test_is_float32_under_mixed_precision(self):
        self.addCleanup(
            tf.keras.mixed_precision.set_global_policy, tf.keras.mixed_precision.global_policy()
        )
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        normalized = L2Normalization()(tf.ones([1, 3], tf.bfloat16))
        self.assertEqual(normalized.dtype, tf.float32)
        self.assertAllClose(normalized, [[3.0**-0.5] * 3])

    def test_survives_serialisation(self):
        layer = L2Normalization(epsilon=0.5, name="unit")
        copy = tf.keras.layers.deserialize(tf.keras.layers.serialize(layer))
        self.assertEqual(copy.get_config(), layer.get_config())
        # |x|^2 = 0.25 is below epsilon = 0.5.
        self.assertAllClose(copy(tf.constant([[0.5]])), [[0.5 / 0.5**0.5]])

    def test_epsilon_must_be_positive(self):
        with self.assertRaisesRegex(ValueError, "epsilon must be positive, got 0.0"):
            L2Normalization(epsilon=0.0)


if __name__ == "__main__":
    tf.test.main()
