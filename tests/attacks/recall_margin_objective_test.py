"""Tests for the objective that decides what is found first."""

import numpy as np
import tensorflow as tf
from scipy.spatial.distance import cdist

from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.attacks.recall_margin_objective import RecallMarginObjective

_SEED = tf.constant([1, 2])


def _unit(shape, seed=0):
    vectors = np.random.default_rng(seed).normal(size=shape)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


class RecallMarginObjectiveTest(tf.test.TestCase):
    def test_value_equals_its_definition(self):
        """One image at a time, on SciPy's cosine distances."""
        embeddings, rivals, mates = _unit((4, 3)), _unit((4, 5, 3), 1), _unit((4, 2, 3), 2)
        value = RecallMarginObjective().prepare(
            tf.identity, {"rivals": rivals, "mates": mates}, seed=_SEED
        )
        expected = [
            cdist([query], own, "cosine").min() - cdist([query], others, "cosine").min()
            for query, others, own in zip(embeddings, rivals, mates)
        ]
        self.assertAllClose(value(tf.constant(embeddings, tf.float32)), expected, atol=1e-6)

    def test_a_linear_embedding_is_solved_exactly(self):
        """The margin `<f(x), r - s>` of one rival and one mate is linear in the pixels: the best
        perturbation is `epsilon sign(W (r - s))`."""
        weights = np.random.default_rng(3).normal(size=(6, 3)).astype(np.float32)
        rivals, mates = _unit((2, 1, 3), 4), _unit((2, 1, 3), 5)
        images = tf.fill([2, 6], 0.5)
        attack = ProjectedGradientDescent(epsilon=0.1, steps=5, random_start=False)
        found = attack(
            lambda x: x @ weights,
            {"image": images, "rivals": rivals, "mates": mates},
            RecallMarginObjective(),
        )
        best = 0.1 * np.sign((rivals - mates)[:, 0] @ weights.T)
        self.assertAllClose(found - images, best, atol=1e-6)

    def test_it_says_what_it_needs(self):
        with self.assertRaisesRegex(ValueError, r'needs batch\["rivals"\], got a batch of .*mates'):
            RecallMarginObjective().prepare(tf.identity, {"mates": _unit((1, 1, 3))}, seed=_SEED)


if __name__ == "__main__":
    tf.test.main()
