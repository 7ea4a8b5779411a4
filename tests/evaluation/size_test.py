"""Tests of sizes as figures."""

import tensorflow as tf

from rtml_tf.evaluation.size import SizeEvaluation


class SizeEvaluationTest(tf.test.TestCase):
    def test_a_dense_layer(self):
        """30 x 20 weights and 20 biases of 4 bytes."""
        inputs = tf.keras.Input((30,))
        network = tf.keras.Model(inputs, tf.keras.layers.Dense(20)(inputs))
        evaluation = SizeEvaluation()
        figures = evaluation.evaluate(network)
        self.assertEqual(tuple(figures), evaluation.figure_names)
        self.assertAllClose(figures, {"k parameters": 0.62, "kB": 2.48, "M multiply-adds": 0.0006})


if __name__ == "__main__":
    tf.test.main()
