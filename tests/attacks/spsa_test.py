"""Tests for the search without gradients."""

from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from cleverhans.tf2.attacks.spsa import spsa

from rtml_tf.attacks.ball import L2Ball, LInfBall
from rtml_tf.attacks.margin_head_objectives import ClassMarginObjective
from rtml_tf.attacks.metric_loss_objective import MetricLossObjective
from rtml_tf.attacks.spsa import SPSA
from tests.attacks.linear_problem import IdentityHead, Linear


class SPSATest(tf.test.TestCase, parameterized.TestCase):
    def test_equal_to_cleverhans(self):
        """With one pixel the estimate does not depend on the random signs, so the two agree step
        by step; cleverhans's random start is replaced by the clean image. It hands its learning
        rate to Keras under a name that is ignored since 2.11, so it always runs at 0.001."""
        weights = tf.constant([[1.0, -2.0, 3.0]])
        images, labels = tf.fill([1, 1, 1, 1], 0.3), tf.constant([0])

        def network(x):
            return tf.sin(4.0 * tf.reshape(x, [-1, 1]) * weights)

        draws = [tf.zeros([1, 1, 1, 1])] + [tf.ones([4, 1, 1, 1])] * 40
        with mock.patch.object(tf.random, "uniform", side_effect=draws):
            expected = spsa(
                network,
                images,
                labels,
                eps=0.03,
                nb_iter=40,
                clip_min=0.0,
                clip_max=1.0,
                delta=0.01,
                spsa_samples=8,
            )
        attack = SPSA(
            epsilon=0.03, steps=40, samples=4, delta=0.01, step_size=0.001, random_start=False
        )
        objective = ClassMarginObjective(loss=IdentityHead())
        found = attack(network, {"image": images, "label": labels}, objective, seed=(1, 2))
        self.assertGreater(abs(float(found[0, 0, 0, 0]) - 0.3), 0.02)
        self.assertAllClose(found, expected, atol=1e-6, rtol=0)

    @parameterized.parameters(
        (LInfBall(), [[0.6, 0.4]]),
        (L2Ball(), [[0.5 + 0.1 * 0.6, 0.5 - 0.1 * 0.8]]),
    )
    def test_finds_the_corner_without_a_gradient(self, ball, best):
        """Rounding to 1/1000 leaves a linear function without any gradient."""
        weights = tf.constant([[3.0, -4.0]])

        def network(images):
            return tf.round(1000.0 * images) * weights

        # L2: 60 ever averaging steps reach the direction w / |w| up to the noise of the estimate.
        attack = SPSA(epsilon=0.1, steps=60, samples=64, step_size=0.01, ball=ball)
        batch = {"image": tf.fill([2, 2], 0.5)}
        found = tf.function(lambda: attack(network, batch, Linear(), seed=(1, 2)))()
        tolerance = 1e-6 if ball.order == np.inf else 0.02
        self.assertAllClose(found, tf.repeat(tf.constant(best), 2, axis=0), atol=tolerance)

    def test_raises_a_value_of_the_whole_batch(self):
        objective = MetricLossObjective(loss=lambda embeddings, _: tf.reduce_sum(embeddings))
        batch = {"image": tf.fill([3, 2], 0.5), "label": tf.zeros([3], tf.int32)}
        found = SPSA(epsilon=0.1, steps=10, samples=8)(tf.identity, batch, objective, seed=(1, 2))
        self.assertGreater(np.min(found), 0.5)

    @parameterized.parameters(
        ({"samples": 0}, r"samples must be an integer of at least 1, got 0\."),
        ({"delta": 0.0}, r"delta must be a number above 0, got 0\.0\."),
    )
    def test_constructor_errors(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            SPSA(**{"epsilon": 0.1, "steps": 3, **arguments})


if __name__ == "__main__":
    tf.test.main()
