import numpy as np
import tensorflow as tf
from absl.testing import absltest

from rtml_tf.losses import absolute_imitation

STUDENT = np.random.RandomState(0).normal(size=(5, 3)).astype(np.float32)
TEACHER = np.random.RandomState(1).normal(size=(5, 3)).astype(np.float32)


class AbsoluteImitationTest(tf.test.TestCase):
    def test_equals_the_mean_over_examples_in_a_loop(self):
        lengths = [np.linalg.norm(g - f) for g, f in zip(STUDENT, TEACHER)]
        squared = absolute_imitation.AbsoluteImitation()(STUDENT, TEACHER)
        self.assertAllClose(squared, np.mean(np.square(lengths)))
        plain = absolute_imitation.AbsoluteImitation(squared=False)(STUDENT, TEACHER)
        self.assertAllClose(plain, np.mean(lengths))

    def test_a_right_angle_and_an_opposite(self):
        """Squared distances 2 and 4 of vectors of length 1."""
        student, teacher = tf.constant([[1.0, 0.0], [1.0, 0.0]]), tf.constant([[0.0, 1], [-1, 0]])
        self.assertAllClose(absolute_imitation.absolute_imitation(student, teacher), 3.0)


if __name__ == "__main__":
    absltest.main()
