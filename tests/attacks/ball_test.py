"""Tests for the balls that perturbations stay in."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.ball import L2Ball, LInfBall


def _candidates(rng, shape, epsilon):
    """Valid images, and candidates in all directions at up to a few epsilon from them."""
    images = rng.uniform(0, 1, shape).astype(np.float32)
    edges = rng.integers(0, 4, shape)
    images[edges == 0] = 0.0
    images[edges == 1] = 1.0
    moves = rng.normal(0, 1, shape).astype(np.float32) * np.float32(epsilon)
    return images, images + moves


class ProjectionTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(0.0, 1e-9, 3e-8, 1e-7, 1e-3, 8 / 255, 0.1, 1.0)
    def test_l_inf_distance_is_at_most_epsilon_exactly(self, epsilon):
        rng = np.random.default_rng(0)
        epsilon = np.float32(epsilon)
        for shape in ((3, 7), (2, 9, 5, 3), (1, 1), (4, 32, 32, 3)):
            images, candidates = _candidates(rng, shape, 2 * epsilon)
            projected = LInfBall().project(candidates, images, tf.constant(epsilon)).numpy()
            self.assertLessEqual(np.abs(projected - images).max(), epsilon)

    @parameterized.parameters(0.0, 1e-7, 1e-4, 8 / 255, 0.5, 3.0)
    def test_l2_distance_is_at_most_epsilon_but_for_rounding_of_the_norm(self, epsilon):
        rng = np.random.default_rng(1)
        for shape in ((3, 7), (2, 9, 5, 3), (1, 1), (4, 32, 32, 3)):
            images, candidates = _candidates(rng, shape, epsilon)
            projected = L2Ball().project(candidates, images, tf.constant(epsilon)).numpy()
            difference = (projected - images).astype(np.float64).reshape(shape[0], -1)
            self.assertLessEqual(np.linalg.norm(difference, axis=1).max(), epsilon * (1 + 1e-6))

    def test_a_candidate_inside_stays_where_it_is(self):
        images = tf.constant([[0.5, 0.25]])
        inside = tf.constant([[0.5625, 0.1875]])
        for ball in (LInfBall(), L2Ball()):
            self.assertAllEqual(ball.project(inside, images, tf.constant(0.125)), inside)

    def test_projection_is_the_nearest_point(self):
        """By hand: (0.3, 0.4) has length 0.5."""
        zero = tf.zeros([1, 2])
        candidate = tf.constant([[0.3, -0.4]])
        self.assertAllClose(LInfBall().project(candidate, zero, tf.constant(0.35)), [[0.3, -0.35]])
        self.assertAllClose(L2Ball().project(candidate, zero, tf.constant(0.25)), [[0.15, -0.2]])


class SteepestTest(tf.test.TestCase):
    def test_l_inf_is_the_sign_and_zero_stays_zero(self):
        gradient = tf.constant([[3.0, -1e-30, 0.0]])
        self.assertAllClose(LInfBall().steepest(gradient, 0.5), [[0.5, -0.5, 0.0]])

    def test_l2_has_the_length_asked_for_whatever_the_gradients_size(self):
        for size in (1e-30, 1e-7, 1.0, 1e30):
            gradient = tf.constant([[3.0, -4.0], [0.0, 0.0]]) * size
            self.assertAllClose(L2Ball().steepest(gradient, 2.0), [[1.2, -1.6], [0.0, 0.0]])


class RandomTest(tf.test.TestCase, parameterized.TestCase):
    def test_l_inf_draws_are_uniform(self):
        """Mean 0 and variance epsilon^2 / 3."""
        draws = LInfBall().random(tf.constant([1000, 20]), 0.5, seed=tf.constant([1, 2]))
        self.assertLessEqual(np.abs(draws).max(), 0.5)
        self.assertAllClose(np.mean(draws), 0.0, atol=0.01)
        self.assertAllClose(np.var(draws), 0.25 / 3, atol=0.002)

    def test_l2_draws_are_uniform(self):
        """The radius r of a uniform draw in d dimensions has E[r / epsilon] = d / (d + 1)."""
        draws = L2Ball().random(tf.constant([4000, 2, 2]), 0.5, seed=tf.constant([1, 2]))
        radii = L2Ball().norm(draws)
        self.assertLessEqual(np.max(radii), 0.5 * (1 + 1e-6))
        self.assertAllClose(np.mean(radii), 0.5 * 4 / 5, atol=0.01)
        self.assertAllClose(np.mean(draws, axis=0), np.zeros([2, 2]), atol=0.02)

    @parameterized.parameters(LInfBall(), L2Ball())
    def test_a_draw_is_a_function_of_the_seed_and_empty_at_epsilon_zero(self, ball):
        shape = tf.constant([2, 3])
        first = ball.random(shape, 0.5, seed=tf.constant([1, 2]))
        self.assertAllEqual(first, ball.random(shape, 0.5, seed=tf.constant([1, 2])))
        self.assertNotAllClose(first, ball.random(shape, 0.5, seed=tf.constant([1, 3])))
        self.assertAllEqual(ball.random(shape, 0.0, seed=tf.constant([1, 2])), tf.zeros([2, 3]))


if __name__ == "__main__":
    tf.test.main()
