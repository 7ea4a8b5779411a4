import numpy as np
import tensorflow as tf
from absl.testing import absltest

from rtml_tf.losses import n_pairs

EMBEDDINGS = np.random.RandomState(0).normal(size=(9, 3)).astype(np.float32)
EMBEDDINGS /= np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)


class NPairsTest(tf.test.TestCase):
    def test_equals_the_paper_in_loops(self):
        """Sohn 2016, with two examples of each class in mixed order and two left-over examples."""
        labels = np.array([5, 1, 1, 0, 5, 7, 0, 5, 3])
        n_tuples = [(0, 4), (1, 2), (3, 6)]
        terms = []
        for anchor, positive in n_tuples:
            gaps = [
                EMBEDDINGS[anchor] @ (EMBEDDINGS[other] - EMBEDDINGS[positive])
                for _, other in n_tuples
                if other != positive
            ]
            terms.append(np.log(1 + np.sum(np.exp(4.0 * np.array(gaps)))))
        value = n_pairs.n_pairs_loss(EMBEDDINGS, labels, scale=4.0)
        self.assertAllClose(value, np.mean(terms), rtol=1e-5)

    def test_two_pairs_of_a_class_share_the_target(self):
        """Cross-entropy with targets (1/2, 1/2, 0), (1/2, 1/2, 0), (0, 0, 1), in NumPy."""
        labels = np.array([0, 0, 0, 0, 1, 1])
        anchors, positives = EMBEDDINGS[[0, 2, 4]], EMBEDDINGS[[1, 3, 5]]
        logits = 10.0 * anchors @ positives.T
        log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        targets = np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]])
        value = n_pairs.NPairsLoss()(EMBEDDINGS[:6], labels)
        self.assertAllClose(value, -np.mean(np.sum(targets * log_softmax, axis=1)), rtol=1e-5)

    def test_order_of_whole_pairs_does_not_matter(self):
        labels = np.array([0, 0, 1, 1, 2, 2])
        order = np.array([4, 5, 0, 1, 2, 3])
        self.assertAllClose(
            n_pairs.n_pairs_loss(EMBEDDINGS[order], labels[order]),
            n_pairs.n_pairs_loss(EMBEDDINGS[:6], labels),
        )

    def test_rejects_a_scale_out_of_range(self):
        with self.assertRaisesRegex(ValueError, "scale must be a number above 0, got 0"):
            n_pairs.NPairsLoss(scale=0)


if __name__ == "__main__":
    absltest.main()
