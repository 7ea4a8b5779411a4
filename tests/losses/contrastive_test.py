import numpy as np
import tensorflow as tf
from absl.testing import absltest
from scipy.spatial import distance

from rtml_tf.losses import contrastive


class ContrastiveTest(tf.test.TestCase):
    def test_equals_the_mean_over_pairs_in_loops(self):
        embeddings = np.random.RandomState(0).normal(size=(8, 3)).astype(np.float32)
        labels = np.array([0, 0, 0, 1, 1, 2, 2, 3])
        table = distance.cdist(embeddings, embeddings)
        pulls, pushes = [], []
        for i in range(8):
            for j in range(i + 1, 8):
                if labels[i] == labels[j]:
                    pulls.append(table[i, j] ** 2)
                elif table[i, j] < 1.5:
                    pushes.append((1.5 - table[i, j]) ** 2)
        value = contrastive.ContrastiveLoss(margin=1.5)(embeddings, labels)
        self.assertAllClose(value, np.mean(pulls) + np.mean(pushes), rtol=1e-5)

    def test_points_on_a_line(self):
        """Points 0 and 2 of one class, 2.5 and 9 of two others; one negative pair is near."""
        embeddings = np.array([[0.0], [2.0], [2.5], [9.0]], np.float32)
        value = contrastive.contrastive_loss(embeddings, np.array([0, 0, 1, 2]), margin=1.0)
        self.assertAllClose(value, 2.0**2 + 0.5**2)

    def test_rejects_a_margin_out_of_range(self):
        with self.assertRaisesRegex(ValueError, "margin must be a number above 0, got 0"):
            contrastive.ContrastiveLoss(margin=0)


if __name__ == "__main__":
    absltest.main()
