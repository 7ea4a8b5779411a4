"""Tests for the objective of verification attacks."""

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.attacks.similarity_objective import SimilarityObjective

SEED = tf.constant([1, 2])


class SimilarityObjectiveTest(tf.test.TestCase):
    def test_value_is_the_cosine_above_the_threshold_in_the_given_direction(self):
        """By hand: cosines 0.6 and 0.8 of embeddings that are not normalised."""
        batch = {
            "image": tf.zeros([2, 1]),
            "reference_embedding": tf.constant([[2.0, 0.0], [0.0, 3.0]]),
            "direction": tf.constant([1, -1]),
        }
        value = SimilarityObjective(threshold=0.5).prepare(tf.identity, batch, seed=SEED)
        self.assertAllClose(value(tf.constant([[3.0, 4.0], [3.0, 4.0]])), [0.1, -0.3])

    def test_pairs_move_to_their_own_sides(self):
        images = tf.constant([[0.5, 0.5], [0.5, 0.5]])
        batch = {
            "image": images,
            "reference_embedding": tf.constant([[1.0, 0.0], [1.0, 0.0]]),
            "direction": tf.constant([1.0, -1.0]),
        }
        attack = ProjectedGradientDescent(epsilon=0.1, steps=5)
        found = attack(tf.identity, batch, SimilarityObjective(), seed=SEED)
        self.assertAllClose(found, np.array([[0.6, 0.4], [0.4, 0.6]]))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, r"threshold must be in \[-1, 1\], got 1\.5\."):
            SimilarityObjective(threshold=1.5)
        batch = {"reference_embedding": tf.zeros([1, 2])}
        with self.assertRaisesRegex(ValueError, r'SimilarityObjective needs batch\["direction"\]'):
            SimilarityObjective().prepare(tf.identity, batch, seed=SEED)

    def test_keras_restores_it(self):
        config = tf.keras.saving.serialize_keras_object(SimilarityObjective(threshold=0.25))
        self.assertEqual(tf.keras.saving.deserialize_keras_object(config).threshold, 0.25)


if __name__ == "__main__":
    tf.test.main()
