"""Tests for what a search has to solve."""

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.ball import LInfBall
from rtml_tf.attacks.problem import AttackProblem, finite


def _problem(network, objective, images, epsilon=0.1):
    return AttackProblem(
        network=network,
        objective=objective,
        images=images,
        epsilon=epsilon,
        ball=LInfBall(),
        pixel_range=(0.0, 1.0),
    )


class AttackProblemTest(tf.test.TestCase):
    def test_gradient_equals_finite_differences(self):
        rng = np.random.default_rng(0)
        images = rng.uniform(0, 1, (2, 3)).astype(np.float32)
        problem = _problem(tf.sin, lambda e: tf.reduce_sum(e**3, axis=1), tf.constant(images))
        gradient = problem.gradient(tf.constant(images)).numpy()
        for pixel in range(3):
            move = np.eye(3, dtype=np.float32)[pixel] * 1e-2
            rise = (problem.values(images + move) - problem.values(images - move)) / 2e-2
            self.assertAllClose(gradient[:, pixel], rise, atol=1e-3)

    def test_a_value_of_the_batch_is_everybodys(self):
        problem = _problem(tf.identity, tf.reduce_sum, tf.ones([3, 2]))
        self.assertAllEqual(problem.values(tf.ones([3, 2])), [6.0, 6.0, 6.0])
        differences = problem.value_differences(tf.ones([3, 2]), tf.zeros([3, 2]))
        self.assertAllEqual(differences, [6.0, 6.0, 6.0])

    def test_an_objective_that_ignores_the_embeddings_has_gradient_zero(self):
        problem = _problem(tf.identity, lambda e: tf.zeros([3]), tf.ones([3, 2]))
        self.assertAllEqual(problem.gradient(tf.ones([3, 2])), tf.zeros([3, 2]))

    def test_low_precision_embeddings_are_valued_in_float32(self):
        problem = _problem(
            lambda x: tf.cast(x, tf.bfloat16), lambda e: e[:, 0] + 1e-4, tf.ones([1, 2])
        )
        self.assertAllClose(problem.values(tf.ones([1, 2])), [1.0001], rtol=1e-6)

    def test_finite(self):
        largest = tf.float32.max
        found = finite(tf.constant([np.nan, np.inf, -np.inf, 1.5]))
        self.assertAllEqual(found, [0.0, largest, -largest, 1.5])


if __name__ == "__main__":
    tf.test.main()
