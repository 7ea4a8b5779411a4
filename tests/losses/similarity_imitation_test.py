import numpy as np
import tensorflow as tf
from absl.testing import absltest
from scipy import special, stats

from rtml_tf.losses import similarity_imitation

STUDENT = np.random.RandomState(0).normal(size=(5, 3)).astype(np.float32)
TEACHER = np.random.RandomState(1).normal(size=(5, 4)).astype(np.float32)


def distribution(embeddings, i, temperature):
    rows = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return special.softmax(np.delete(rows @ rows[i], i) / temperature)


class SimilarityImitationTest(tf.test.TestCase):
    def test_equals_a_loop_over_examples(self):
        """SciPy's softmax and relative entropy."""
        for temperature in (0.1, 2.0):
            divergences = [
                stats.entropy(
                    distribution(TEACHER, i, temperature), distribution(STUDENT, i, temperature)
                )
                for i in range(5)
            ]
            loss = similarity_imitation.SimilarityImitation(temperature=temperature)
            expected = temperature**2 * np.mean(divergences)
            self.assertAllClose(loss(STUDENT, TEACHER), expected, rtol=1e-4)

    def test_two_examples_leave_no_choice(self):
        value = similarity_imitation.similarity_imitation(STUDENT[:2], TEACHER[:2])
        self.assertAllEqual(value, 0.0)

    def test_rejects_a_temperature_out_of_range(self):
        with self.assertRaisesRegex(ValueError, "temperature must be a number above 0, got 0"):
            similarity_imitation.SimilarityImitation(temperature=0)


if __name__ == "__main__":
    absltest.main()
