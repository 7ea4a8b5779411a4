"""Tests for projected gradient descent, the basic iterative method, and the loop behind them."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from cleverhans.tf2.attacks.basic_iterative_method import basic_iterative_method
from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

from rtml_tf.attacks.ball import L2Ball, LInfBall
from rtml_tf.attacks.margin_head_objectives import CrossEntropyObjective
from rtml_tf.attacks.objective import Objective
from rtml_tf.attacks.projected_gradient_descent import (
    BasicIterativeMethod,
    ProjectedGradientDescent,
)
from tests.attacks.linear_problem import IdentityHead, Linear


class _TwoPeaks(Objective):
    """A low peak at 0.25 and a high one at 0.75 in each image of one pixel."""

    def prepare(self, network, batch, *, seed):
        low, high = (lambda x: -tf.abs(x - 0.25)), (lambda x: 0.1 - tf.abs(x - 0.75))
        return lambda outputs: tf.maximum(low(outputs), high(outputs))[:, 0]


def _classifier(seed=0):
    rng = np.random.default_rng(seed)
    first = tf.constant(rng.normal(0, 0.5, (48, 16)).astype(np.float32))
    second = tf.constant(rng.normal(0, 0.5, (16, 5)).astype(np.float32))
    return lambda x: tf.tanh(tf.reshape(x, [-1, 48]) @ first) @ second


def _batch(seed=1):
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 1, (4, 4, 4, 3)).astype(np.float32)
    return {"image": images, "label": np.array([0, 3, 1, 4], np.int32)}


class CleverhansTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(
        ball=(LInfBall(), L2Ball()), step_size=(0.01, 0.03), pixel_range=((0, 1), (-1, 2))
    )
    def test_equal_to_cleverhans_without_random_start(self, ball, step_size, pixel_range):
        epsilon = 0.05 if ball.order == np.inf else 0.4
        step_size = step_size if ball.order == np.inf else 10 * step_size
        arguments = {"step_size": step_size, "ball": ball, "pixel_range": pixel_range}
        batch, objective = _batch(), CrossEntropyObjective(loss=IdentityHead())
        reference = (_classifier(), tf.constant(batch["image"]), epsilon, step_size, 5, ball.order)
        limits = {"clip_min": pixel_range[0], "clip_max": pixel_range[1], "y": batch["label"]}
        limits["sanity_checks"] = False

        attack = ProjectedGradientDescent(epsilon=epsilon, steps=5, random_start=False, **arguments)
        expected = projected_gradient_descent(*reference, **limits)
        self.assertAllClose(attack(_classifier(), batch, objective), expected, atol=1e-6, rtol=0)

        attack = BasicIterativeMethod(epsilon=epsilon, steps=5, **arguments)
        expected = basic_iterative_method(*reference, **limits)
        self.assertAllClose(attack(_classifier(), batch, objective), expected, atol=1e-6, rtol=0)


class KnownAnswerTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 3)
    def test_a_linear_network_is_solved_exactly(self, steps):
        """The best perturbation of `<w, x>` is `epsilon sign(w)`, or `epsilon w / |w|` in L2."""
        weights = tf.constant([[3.0, -4.0]])
        batch = {"image": tf.fill([2, 2], 0.5)}
        for random_start in (False, True):
            for ball, best in ((LInfBall(), [[0.6, 0.4]]), (L2Ball(), [[0.56, 0.42]])):
                attack = ProjectedGradientDescent(
                    epsilon=0.1,
                    steps=30 * steps,
                    relative_step_size=0.5,
                    random_start=random_start,
                    ball=ball,
                )
                found = attack(lambda x: x * weights, batch, Linear(), seed=(1, 2))
                self.assertAllClose(found, tf.repeat(best, 2, axis=0), atol=1e-5)

    def test_restarts_keep_the_best_of_each_image(self):
        """One search stops at either peak by chance; of ten, one all but surely finds the high."""
        batch = {"image": tf.fill([16, 1], 0.5)}
        attack = ProjectedGradientDescent(epsilon=0.4, steps=40, step_size=0.02)
        once = attack(tf.identity, batch, _TwoPeaks(), seed=(5, 6)).numpy()
        best = attack.replace(restarts=10)(tf.identity, batch, _TwoPeaks(), seed=(5, 6)).numpy()
        self.assertBetween(np.sum(np.abs(once - 0.25) < 0.03), 1, 15)
        self.assertAllClose(best, np.full([16, 1], 0.75), atol=0.03)

    def test_start_radius_bounds_the_random_start(self):
        attack = ProjectedGradientDescent(epsilon=0.3, steps=1, step_size=1e-6, start_radius=0.01)
        batch = {"image": tf.fill([1, 100], 0.5)}
        shift = np.abs(attack(tf.identity, batch, Linear(), seed=(1, 2)) - 0.5)
        self.assertBetween(shift.max(), 0.009, 0.0101)


class StepSizeTest(tf.test.TestCase):
    def _shift(self, epsilon=None, **arguments):
        attack = BasicIterativeMethod(epsilon=0.2, steps=2, **arguments)
        batch = {"image": tf.fill([1, 1], 0.5)}
        return float(attack(tf.identity, batch, Linear(), epsilon=epsilon)[0, 0]) - 0.5

    def test_a_relative_step_follows_epsilon_and_an_absolute_one_does_not(self):
        self.assertAllClose(self._shift(relative_step_size=0.25), 0.1)
        self.assertAllClose(self._shift(relative_step_size=0.25, epsilon=tf.constant(0.4)), 0.2)
        self.assertAllClose(self._shift(step_size=0.05), 0.1)
        self.assertAllClose(self._shift(step_size=0.05, epsilon=tf.constant(0.4)), 0.1)

    def test_the_default_just_reaches_epsilon(self):
        self.assertAllClose(self._shift(), 0.2)


class GraphTest(tf.test.TestCase):
    def test_the_graph_does_not_grow_with_steps_or_restarts(self):
        def operations(steps, restarts):
            attack = ProjectedGradientDescent(epsilon=0.1, steps=steps, restarts=restarts)
            objective = CrossEntropyObjective(loss=IdentityHead())
            graph = (
                tf.function(lambda batch: attack(_classifier(), batch, objective, seed=(1, 2)))
                .get_concrete_function(_batch())
                .graph.as_graph_def()
            )
            inner = sum(len(function.node_def) for function in graph.library.function)
            return len(graph.node) + inner

        self.assertEqual(operations(3, 2), operations(30, 5))


class ErrorsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ({"steps": 2.5}, r"steps must be an integer of at least 1, got 2\.5\."),
        ({"steps": 0}, r"steps must be an integer of at least 1, got 0\."),
        ({"restarts": 0}, r"restarts must be an integer of at least 1, got 0\."),
        ({"step_size": 0.0}, r"step_size must be a number above 0, got 0\.0\."),
        ({"relative_step_size": -1}, r"relative_step_size must be a number above 0, got -1\."),
        ({"step_size": 0.1, "relative_step_size": 0.2}, r"exclude each other, got 0\.1 and 0\.2\."),
        ({"restarts": 2, "random_start": False}, r"restarts must be 1 without .*, got 2\."),
        ({"start_radius": 0.1, "random_start": False}, r"start_radius .* got 0\.1 with"),
        ({"start_radius": -0.1}, r"start_radius must be at least 0 .* got -0\.1 with"),
    )
    def test_constructor_errors(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            ProjectedGradientDescent(**{"epsilon": 0.1, "steps": 3, **arguments})


if __name__ == "__main__":
    tf.test.main()
