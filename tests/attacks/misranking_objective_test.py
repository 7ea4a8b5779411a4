"""Tests for the objective of learning to mis-rank."""

import numpy as np
import tensorflow as tf
from scipy.spatial.distance import cdist

from rtml_tf.attacks.misranking_objective import MisrankingObjective
from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent

SEED = tf.constant([1, 2])


class MisrankingObjectiveTest(tf.test.TestCase):
    def test_value_equals_its_definition(self):
        """One image at a time, on SciPy's distances; the third is the only one of its class."""
        generator = np.random.default_rng(0)
        embeddings, gallery = generator.normal(size=(4, 3)), generator.normal(size=(8, 3))
        labels, own = np.array([0, 0, 1, 1, 1, 2, 2, 3]), np.array([0, 4, 7, 6])
        objective = MisrankingObjective(gallery=gallery, gallery_labels=labels)
        value = objective.prepare(tf.identity, {"own": own}, seed=SEED)
        expected = []
        for place, row in zip(own, cdist(embeddings, gallery)):
            same = [x for i, x in enumerate(row) if labels[i] == labels[place] and i != place]
            other = row[labels != labels[place]]
            expected.append(-max(0, max(other) - min(same)) if same else 0)
        self.assertNotIn(0, expected[:2] + expected[3:])
        self.assertAllClose(value(tf.constant(embeddings, tf.float32)), expected, atol=1e-5)

    def test_a_linear_embedding_is_solved_exactly(self):
        """Images at 0.6 (class 0) and -0.6 (class 1). The first one's nearest of its class is at
        -18 and the farthest other at 21: up is best. The second one's are at 15 and -18: down. The
        best perturbation of `<w, x> + b` is `epsilon sign(w)` or its opposite."""
        weights = np.array([0.5, -1.0, 0.0, 2.0], np.float32)
        images = tf.constant([[0.5, 0.5, 0.5, 0.8], [0.5, 0.5, 0.5, 0.2]])
        gallery = np.array([[0.6], [-0.6], [-18.0], [15.0], [21.0]])
        objective = MisrankingObjective(
            gallery=gallery, gallery_labels=np.array([0, 1, 0, 1, 1], np.int64)
        )
        attack = ProjectedGradientDescent(epsilon=0.1, steps=5, random_start=False)
        found = attack(
            lambda x: tf.reduce_sum(x * weights, axis=1, keepdims=True) - 0.75,
            {"image": images, "own": np.array([0, 1])},
            objective,
        )
        best = 0.1 * np.sign(weights)
        self.assertAllClose(found - images, [best, -best], atol=1e-5)

    def test_labels_that_do_not_fit_are_an_error(self):
        with self.assertRaisesRegex(ValueError, r"one entry for each of 4 images, got .*\(3,\)"):
            MisrankingObjective(gallery=np.eye(4), gallery_labels=np.zeros(3))


if __name__ == "__main__":
    tf.test.main()
