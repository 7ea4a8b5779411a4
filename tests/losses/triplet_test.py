import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from scipy.spatial import distance

from rtml_tf.losses import triplet

EMBEDDINGS = np.random.RandomState(0).normal(size=(10, 3)).astype(np.float32)
EMBEDDINGS /= np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3, 4])  # the last two have no positive


def distances(squared):
    return distance.cdist(EMBEDDINGS, EMBEDDINGS, "sqeuclidean" if squared else "euclidean")


def positives_and_negatives(anchor):
    same = LABELS == LABELS[anchor]
    positives = np.flatnonzero(same & (np.arange(len(LABELS)) != anchor))
    return positives, np.flatnonzero(~same)


class TripletTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(margin=(0.2, 1.0), squared=(True, False))
    def test_semihard_equals_the_paper_in_loops(self, margin, squared):
        table = distances(squared)
        terms = []
        for a in range(len(LABELS)):
            positives, negatives = positives_and_negatives(a)
            for p in positives:
                further = [table[a, n] for n in negatives if table[a, n] > table[a, p]]
                negative = min(further) if further else table[a, negatives].max()
                terms.append(max(0.0, table[a, p] - negative + margin))
        value = triplet.triplet_semihard_loss(EMBEDDINGS, LABELS, margin=margin, squared=squared)
        self.assertAllClose(value, np.mean(terms), rtol=1e-5)

    @parameterized.product(margin=(0.0, 0.2, 1.0), squared=(True, False), soft_margin=(True, False))
    def test_hard_equals_the_paper_in_loops(self, margin, squared, soft_margin):
        table = distances(squared)
        terms = []
        for a in range(len(LABELS)):
            positives, negatives = positives_and_negatives(a)
            if len(positives):
                gap = table[a, positives].max() - table[a, negatives].min()
                terms.append(np.log1p(np.exp(gap)) if soft_margin else max(0.0, gap + margin))
        value = triplet.triplet_hard_loss(
            EMBEDDINGS, LABELS, margin=margin, soft_margin=soft_margin, squared=squared
        )
        self.assertAllClose(value, np.mean(terms), rtol=1e-5)

    def test_hard_on_a_line(self):
        """Points 0, 1 of one class and 3 of another: only anchor 1 with margin 2 has a term."""
        embeddings = np.array([[0.0], [1.0], [3.0]], np.float32)
        value = triplet.TripletHardLoss(margin=2.0)(embeddings, np.array([0, 0, 1]))
        self.assertAllClose(value, (max(0, 1 - 3 + 2) + max(0, 1 - 2 + 2)) / 2)

    def test_an_anchor_without_positives_gets_no_gradient_as_an_anchor(self):
        """Points 0, 0.1 of a class and 5 of another: only anchor 0.1 is within the margin."""
        embeddings = tf.constant([[0.0], [0.1], [5.0]])
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            value = triplet.triplet_hard_loss(embeddings, tf.constant([0, 0, 1]), margin=4.85)
        self.assertAllClose(value, (0.1 - 4.9 + 4.85) / 2, rtol=1e-4)
        self.assertAllClose(tape.gradient(value, embeddings), [[-0.5], [1.0], [-0.5]], rtol=1e-4)

    @parameterized.parameters(
        (triplet.TripletHardLoss, -0.1, "margin must be a number of at least 0, got -0.1"),
        (triplet.TripletSemiHardLoss, 0, "margin must be a number above 0, got 0"),
    )
    def test_rejects_a_margin_out_of_range(self, loss, margin, message):
        with self.assertRaisesRegex(ValueError, message):
            loss(margin=margin)


if __name__ == "__main__":
    absltest.main()
