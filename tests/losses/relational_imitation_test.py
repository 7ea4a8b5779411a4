import numpy as np
import tensorflow as tf
from absl.testing import absltest
from scipy.spatial import distance

from rtml_tf.losses import relational_imitation

STUDENT = np.random.RandomState(0).normal(size=(5, 3)).astype(np.float32)
TEACHER = np.random.RandomState(1).normal(size=(5, 4)).astype(np.float32)
TEACHER[0] *= 10.0  # Far from the others: errors on both sides of the Huber loss.


def huber(value, target):
    error = abs(value - target)
    return 0.5 * error**2 if error <= 1 else error - 0.5


def relative_distances(embeddings):
    return distance.squareform(distance.pdist(embeddings) / distance.pdist(embeddings).mean())


def cosine(embeddings, i, j, k):
    if i == j or k == j:
        return 0.0
    return 1.0 - distance.cosine(embeddings[i] - embeddings[j], embeddings[k] - embeddings[j])


class RelationalImitationTest(tf.test.TestCase):
    def test_distance_wise_equals_a_loop_over_pairs(self):
        """SciPy's distances."""
        ours, theirs = relative_distances(STUDENT), relative_distances(TEACHER)
        self.assertGreater(np.abs(ours - theirs).max(), 1.0)
        expected = np.mean([huber(g, f) for g, f in zip(ours.ravel(), theirs.ravel())])
        value = relational_imitation.DistanceWiseImitation()(STUDENT, TEACHER)
        self.assertAllClose(value, expected, rtol=1e-5)

    def test_angle_wise_equals_a_loop_over_triplets(self):
        """SciPy's cosines."""
        terms = [
            huber(cosine(STUDENT, i, j, k), cosine(TEACHER, i, j, k))
            for i in range(5)
            for j in range(5)
            for k in range(5)
        ]
        value = relational_imitation.AngleWiseImitation()(STUDENT, TEACHER)
        self.assertAllClose(value, np.mean(terms), rtol=1e-5)

    def test_a_right_angle_against_a_straight_line(self):
        """The angle of 90 degrees is one of 180 there: cosines 0 and -1, in 2 of 27 entries.

        At the other two corners the cosines are 1 / sqrt(2) against 1, in 4 entries.
        """
        corner = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], np.float32)
        line = np.array([[1.0], [0.0], [-1.0]], np.float32)
        expected = (2 * 0.5 + 4 * 0.5 * (1 - 0.5**0.5) ** 2) / 27
        value = relational_imitation.angle_wise_imitation(corner, line)
        self.assertAllClose(value, expected, rtol=1e-5)

    def test_moving_turning_and_scaling_change_nothing(self):
        moved = 3.0 * STUDENT[:, ::-1] + 1.0
        for loss in (
            relational_imitation.distance_wise_imitation,
            relational_imitation.angle_wise_imitation,
        ):
            self.assertAllClose(loss(moved, STUDENT), 0.0, atol=1e-6)


if __name__ == "__main__":
    absltest.main()
