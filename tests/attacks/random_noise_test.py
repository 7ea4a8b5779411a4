"""Tests of random noise, the search that every attack has to beat."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.ball import L2Ball, LInfBall
from rtml_tf.attacks.random_noise import RandomNoise
from tests.attacks.linear_problem import Linear

SEED = (3, 4)


class RandomNoiseTest(tf.test.TestCase, parameterized.TestCase):
    def test_each_image_keeps_the_best_of_its_draws(self):
        """The draws of the seeds that are folded in, and their maximum in NumPy."""
        ball = LInfBall()
        images = np.random.default_rng(0).uniform(0, 1, [16, 1]).astype(np.float32)
        attack = RandomNoise(epsilon=0.3, restarts=3, ball=ball)
        found = attack(tf.identity, {"image": images}, Linear(), seed=SEED)
        seed = tf.random.experimental.stateless_split(SEED, 2)[1]
        draws = [
            ball.random([16, 1], 0.3, seed=tf.random.experimental.stateless_fold_in(seed, index))
            for index in range(3)
        ]
        self.assertLen(set(np.argmax(draws, axis=0).flat), 3)  # Each is the best somewhere.
        expected = np.clip(images + np.max(draws, axis=0), 0.0, 1.0)
        self.assertAllClose(found, expected, atol=1e-6)

    @parameterized.parameters(LInfBall(), L2Ball())
    def test_full_size_noise_is_as_long_as_a_step(self, ball):
        images = np.full([4, 20], 0.5, np.float32)
        attack = RandomNoise(epsilon=0.25, full_size=True, ball=ball)
        noise = attack(tf.identity, {"image": images}, Linear(), seed=SEED) - images
        step = ball.steepest(tf.random.stateless_normal([4, 20], SEED), 0.25)
        self.assertAllClose(tf.norm(noise, axis=1), tf.norm(step, axis=1), atol=1e-5)
        self.assertAllClose(ball.norm(noise), [0.25] * 4, atol=1e-6)
        # As often up as down, and differently in each image.
        self.assertBetween(np.mean(noise > 0), 0.35, 0.65)
        self.assertNotAllClose(noise[0], noise[1])


if __name__ == "__main__":
    tf.test.main()
