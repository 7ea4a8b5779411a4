"""Tests for the fast gradient method."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method

from rtml_tf.attacks.ball import L2Ball, LInfBall
from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.margin_head_objectives import CrossEntropyObjective
from tests.attacks.linear_problem import IdentityHead


class FastGradientMethodTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(0)
        self.weights = tf.constant(rng.normal(0, 1, (12, 5)).astype(np.float32))
        self.images = tf.constant(rng.uniform(0, 1, (3, 2, 2, 3)).astype(np.float32))
        self.labels = tf.constant([4, 0, 2])
        self.objective = CrossEntropyObjective(loss=IdentityHead())

    def network(self, images):
        return tf.tanh(tf.reshape(images, [-1, 12]) @ self.weights)

    @parameterized.product(ball=(LInfBall(), L2Ball()), epsilon=(0.0, 0.03, 0.5))
    def test_equal_to_cleverhans(self, ball, epsilon):
        attack = FastGradientMethod(epsilon=epsilon, ball=ball)
        found = attack(self.network, {"image": self.images, "label": self.labels}, self.objective)
        expected = fast_gradient_method(
            self.network, self.images, epsilon, ball.order, clip_min=0, clip_max=1, y=self.labels
        )
        self.assertAllClose(found, expected, atol=1e-6, rtol=0)

    @parameterized.parameters(LInfBall(), L2Ball())
    def test_a_gradient_from_elsewhere_gives_the_same(self, ball):
        attack = FastGradientMethod(epsilon=0.1, ball=ball)
        batch = {"image": self.images, "label": self.labels}
        with tf.GradientTape() as tape:
            tape.watch(self.images)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(
                self.labels, self.network(self.images)
            )
        found = attack.from_gradient(self.images, tape.gradient(loss, self.images))
        self.assertAllClose(found, attack(self.network, batch, self.objective), atol=1e-7)

    def test_from_gradient_takes_another_epsilon(self):
        attack = FastGradientMethod(epsilon=0.1)
        found = attack.from_gradient(tf.fill([1, 2], 0.5), [[2.0, -1.0]], epsilon=tf.constant(0.25))
        self.assertAllEqual(found, [[0.75, 0.25]])


if __name__ == "__main__":
    tf.test.main()
