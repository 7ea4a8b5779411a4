"""Tests for the attack of Carlini and Wagner."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from cleverhans.tf2.attacks.carlini_wagner_l2 import carlini_wagner_l2

from rtml_tf.attacks.carlini_wagner import CarliniWagnerL2
from rtml_tf.attacks.embedding_objectives import EmbeddingShiftObjective
from rtml_tf.attacks.margin_head_objectives import ClassMarginObjective
from tests.attacks.linear_problem import IdentityHead, Linear


class CarliniWagnerL2Test(tf.test.TestCase, parameterized.TestCase):
    def test_equal_to_cleverhans(self):
        """For one image and one constant, where cleverhans's broadcasting of constants over pixels
        amounts to a constant larger by the number of pixels."""
        rng = np.random.default_rng(0)
        weights = tf.constant(rng.normal(0, 1, (12, 4)).astype(np.float32))
        images = tf.constant(rng.uniform(0.2, 0.8, (1, 2, 2, 3)).astype(np.float32))

        def network(x):
            return tf.reshape(x, [-1, 12]) @ weights

        labels = tf.argmax(network(images), axis=1)
        expected = carlini_wagner_l2(
            network,
            images,
            binary_search_steps=1,
            max_iterations=40,
            abort_early=False,
            initial_const=0.5,
            learning_rate=0.02,
        )
        attack = CarliniWagnerL2(
            steps=40, search_steps=1, initial_constant=12 * 0.5, learning_rate=0.02
        )
        batch = {"image": images, "label": labels}
        found = attack(network, batch, ClassMarginObjective(loss=IdentityHead()))
        self.assertNotEqual(tf.argmax(network(expected), 1)[0], labels[0])
        self.assertAllClose(found, expected, atol=1e-6, rtol=0)

    def test_finds_the_shortest_way_to_the_goal(self):
        """For `<w, x>` it has the length `(goal - <w, x>) / |w|`; here 0.5 / 5, along w."""
        weights = tf.constant([[3.0, -4.0]])
        attack = CarliniWagnerL2(goal=0.0, steps=150, search_steps=7, learning_rate=0.01)
        batch = {"image": tf.fill([2, 2], 0.5)}
        found = tf.function(lambda: attack(lambda x: x * weights, batch, Linear()))()
        self.assertAllClose(found, [[0.56, 0.42]] * 2, atol=2e-3)
        self.assertGreater(np.min(np.sum(found * weights, axis=1)), 0.0)

    def test_each_image_has_its_own_constant(self):
        """One image is at the goal already, one near, one cannot reach it."""
        scales = tf.constant([[1.0], [1.0], [0.0]])
        batch = {"image": tf.constant([[0.95], [0.6], [0.5]])}
        attack = CarliniWagnerL2(goal=0.9, steps=100, search_steps=5, learning_rate=0.05)
        found = tf.function(lambda: attack(lambda x: x * scales, batch, Linear()))()
        self.assertAllClose(found, [[0.95], [0.9], [0.5]], atol=5e-3)
        self.assertEqual(found[2, 0], 0.5)

    def test_starts_where_the_embedding_shift_has_no_gradient(self):
        attack = CarliniWagnerL2(goal=0.1, steps=60, search_steps=4, learning_rate=0.02)
        batch = {"image": tf.fill([2, 3], 0.5)}
        found = tf.function(
            lambda: attack(tf.identity, batch, EmbeddingShiftObjective(), seed=(0, 0))
        )()
        self.assertAllClose(tf.norm(found - 0.5, axis=1), [0.1, 0.1], atol=5e-3)

    @parameterized.parameters(
        ({"steps": 0}, r"steps must be an integer of at least 1, got 0\."),
        ({"search_steps": 0}, r"search_steps must be an integer of at least 1, got 0\."),
        ({"initial_constant": 0}, r"initial_constant must be a number above 0, got 0\."),
        ({"learning_rate": -1.0}, r"learning_rate must be a number above 0, got -1\.0\."),
        ({"epsilon": -1.0}, r"epsilon must be in \[0, inf\] .* got -1\.0\."),
    )
    def test_constructor_errors(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            CarliniWagnerL2(**arguments)


if __name__ == "__main__":
    tf.test.main()
