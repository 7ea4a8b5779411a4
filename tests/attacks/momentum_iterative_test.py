"""Tests for the momentum iterative method."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from cleverhans.tf2.attacks.momentum_iterative_method import momentum_iterative_method

from rtml_tf.attacks.ball import L2Ball, LInfBall
from rtml_tf.attacks.margin_head_objectives import CrossEntropyObjective
from rtml_tf.attacks.momentum_iterative import MomentumIterativeMethod
from tests.attacks.linear_problem import IdentityHead


class MomentumIterativeMethodTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(ball=(LInfBall(), L2Ball()), decay=(0.0, 0.5, 1.0))
    def test_equal_to_cleverhans(self, ball, decay):
        rng = np.random.default_rng(0)
        weights = tf.constant(rng.normal(0, 2, (12, 5)).astype(np.float32))
        batch = {
            "image": tf.constant(rng.uniform(0, 1, (3, 2, 2, 3)).astype(np.float32)),
            "label": tf.constant([4, 0, 2]),
        }

        def network(images):
            return tf.tanh(tf.reshape(images, [-1, 12]) @ weights)

        attack = MomentumIterativeMethod(
            epsilon=0.3, steps=6, step_size=0.1, decay=decay, ball=ball
        )
        expected = momentum_iterative_method(
            network,
            batch["image"],
            eps=0.3,
            eps_iter=0.1,
            nb_iter=6,
            norm=ball.order,
            clip_min=0.0,
            clip_max=1.0,
            y=batch["label"],
            decay_factor=decay,
            sanity_checks=False,
        )
        found = attack(network, batch, CrossEntropyObjective(loss=IdentityHead()))
        self.assertAllClose(found, expected, atol=1e-6, rtol=0)

    def test_a_negative_decay_is_an_error(self):
        with self.assertRaisesRegex(ValueError, r"decay must be at least 0, got -0\.5\."):
            MomentumIterativeMethod(epsilon=0.1, steps=2, decay=-0.5)


if __name__ == "__main__":
    tf.test.main()
