import numpy as np
import tensorflow as tf
from absl.testing import absltest
from scipy.spatial import distance

from rtml_tf.losses import relative_imitation

STUDENT = np.random.RandomState(0).normal(size=(5, 3)).astype(np.float32)
TEACHER = np.random.RandomState(1).normal(size=(5, 4)).astype(np.float32)


class RelativeImitationTest(tf.test.TestCase):
    def test_equals_the_norm_of_the_difference_of_distance_matrices(self):
        """SciPy's distances, NumPy's Frobenius norm."""
        difference = distance.cdist(STUDENT, STUDENT) - distance.cdist(TEACHER, TEACHER)
        expected = np.linalg.norm(difference, "fro")
        loss = relative_imitation.RelativeImitation()
        self.assertAllClose(loss(STUDENT, TEACHER), expected, rtol=1e-5)
        normalized = relative_imitation.RelativeImitation(normalize=True)
        self.assertAllClose(normalized(STUDENT, TEACHER), expected / 5, rtol=1e-5)

    def test_moving_all_embeddings_together_changes_nothing(self):
        turned = STUDENT[:, ::-1] + 1.0
        self.assertAllClose(relative_imitation.relative_imitation(turned, STUDENT), 0.0, atol=2e-3)


if __name__ == "__main__":
    absltest.main()
