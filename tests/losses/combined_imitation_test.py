import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.losses import absolute_imitation, combined_imitation, relative_imitation

STUDENT = np.random.RandomState(0).normal(size=(4, 3)).astype(np.float32)
TEACHER = np.random.RandomState(1).normal(size=(4, 3)).astype(np.float32)


class CombinedImitationTest(tf.test.TestCase, parameterized.TestCase):
    def test_is_the_weighted_sum(self):
        terms = [absolute_imitation.AbsoluteImitation(), relative_imitation.RelativeImitation()]
        loss = combined_imitation.CombinedImitation(losses=terms, weights=[0.5, 2])
        expected = 0.5 * terms[0](STUDENT, TEACHER) + 2 * terms[1](STUDENT, TEACHER)
        self.assertAllClose(loss(STUDENT, TEACHER), expected)
        equal = combined_imitation.CombinedImitation(losses=terms)
        self.assertAllClose(
            equal(STUDENT, TEACHER), terms[0](STUDENT, TEACHER) + terms[1](STUDENT, TEACHER)
        )

    @parameterized.parameters(
        ([], None, "losses must have at least one loss, got none"),
        (["absolute"], None, "losses must be ImitationLoss objects, got 'absolute'"),
        ([relative_imitation.RelativeImitation()], [1, 2], "same length, got 1 and 2"),
        ([relative_imitation.RelativeImitation()], [-1], "weights must be a number of at least 0"),
    )
    def test_rejects(self, losses, weights, message):
        with self.assertRaisesRegex(ValueError, message):
            combined_imitation.CombinedImitation(losses=losses, weights=weights)


if __name__ == "__main__":
    absltest.main()
