import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.losses import multi_similarity

EMBEDDINGS = np.random.RandomState(0).normal(size=(12, 3)).astype(np.float32)
LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4])


def reference(embeddings, labels, alpha, beta, threshold, margin):
    """Wang et al. 2019, equations 11, 12 and 15, anchor by anchor."""
    embeddings = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    total = 0.0
    for i in range(len(labels)):
        similarity = embeddings @ embeddings[i]
        others = [k for k in range(len(labels)) if k != i]
        positives = [similarity[k] for k in others if labels[k] == labels[i]]
        negatives = [similarity[k] for k in others if labels[k] != labels[i]]
        if margin is not None:
            if not positives or not negatives:
                continue
            kept = [s for s in negatives if s + margin > min(positives)]
            positives = [s for s in positives if s - margin < max(negatives)]
            negatives = kept
        total += np.log(1 + sum(np.exp(-alpha * (s - threshold)) for s in positives)) / alpha
        total += np.log(1 + sum(np.exp(beta * (s - threshold)) for s in negatives)) / beta
    return total / len(labels)


class MultiSimilarityTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (2.0, 40.0, 0.5, 0.1),
        (2.0, 50.0, 1.0, 0.0),
        (1.0, 3.0, 0.2, 0.4),
        (2.0, 40.0, 0.5, None),
    )
    def test_equals_the_paper_in_loops(self, alpha, beta, threshold, margin):
        constants = {"alpha": alpha, "beta": beta, "threshold": threshold, "margin": margin}
        value = multi_similarity.multi_similarity_loss(EMBEDDINGS, LABELS, **constants)
        self.assertAllClose(value, reference(EMBEDDINGS, LABELS, **constants), rtol=1e-5)

    def test_two_examples_of_one_class_and_one_of_another(self):
        """Orthogonal vectors: anchors 0 and 1 keep one positive and one negative, both S = 0."""
        value = multi_similarity.MultiSimilarityLoss()(np.eye(3), np.array([0, 0, 1]))
        term = np.log(1 + np.exp(1.0)) / 2 + np.log(1 + np.exp(-20.0)) / 40
        self.assertAllClose(value, 2 / 3 * term)

    def test_mining_drops_solved_pairs(self):
        embeddings = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
        labels = np.array([0, 0, 1, 1])
        self.assertAllEqual(multi_similarity.MultiSimilarityLoss()(embeddings, labels), 0.0)
        unmined = multi_similarity.MultiSimilarityLoss(margin=None)(embeddings, labels)
        self.assertAllClose(unmined, np.log(1 + np.exp(-1)) / 2)

    @parameterized.parameters(
        ({"alpha": 0}, "alpha must be a number above 0"),
        ({"beta": -1}, "beta must be a number above 0"),
        ({"threshold": 2}, r"threshold must be in \[-1, 1\]"),
        ({"margin": -0.1}, "margin must be a number of at least 0"),
    )
    def test_rejects_constants_out_of_range(self, constants, message):
        with self.assertRaisesRegex(ValueError, message):
            multi_similarity.MultiSimilarityLoss(**constants)


if __name__ == "__main__":
    absltest.main()
