import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.losses import easy_positive

EMBEDDINGS = np.random.RandomState(0).normal(size=(10, 3)).astype(np.float32)
EMBEDDINGS[1] = EMBEDDINGS[0]  # the same image twice
LABELS = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3, 4])


def reference(temperature, semi_hard, same_image_similarity):
    """Xuan et al. 2020, anchor by anchor."""
    embeddings = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
    terms = []
    for i in range(len(LABELS)):
        similarity = embeddings @ embeddings[i]
        positives = [
            similarity[k]
            for k in range(len(LABELS))
            if k != i and LABELS[k] == LABELS[i] and similarity[k] < same_image_similarity
        ]
        negatives = similarity[LABELS != LABELS[i]]
        if positives and semi_hard:
            negatives = negatives[negatives < max(positives)]
        if positives and len(negatives):
            scores = np.exp(np.array([max(positives), max(negatives)]) / temperature)
            terms.append(-np.log(scores[0] / scores.sum()))
    return np.mean(terms)


class EasyPositiveTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (0.1, True, 0.9999), (0.1, False, 0.9999), (1.0, False, 0.9999), (0.1, False, 1.1)
    )
    def test_equals_the_paper_in_loops(self, temperature, semi_hard, same_image_similarity):
        options = {
            "temperature": temperature,
            "semi_hard": semi_hard,
            "same_image_similarity": same_image_similarity,
        }
        value = easy_positive.EasyPositiveLoss(**options)(EMBEDDINGS, LABELS)
        self.assertAllClose(value, reference(**options), rtol=1e-5)

    def test_a_far_positive_does_not_pull_on_near_ones(self):
        """Unit vectors at angles 0, 0.1 and pi/2 in a plane, and a negative orthogonal to it."""
        angles = np.array([0, 0.1, np.pi / 2])
        embeddings = np.zeros((4, 3), np.float32)
        embeddings[:3, 0], embeddings[:3, 1], embeddings[3, 2] = np.cos(angles), np.sin(angles), 1
        loss = easy_positive.EasyPositiveLoss(temperature=0.5, semi_hard=False)
        terms = np.log1p(np.exp(-np.array([np.cos(0.1), np.cos(0.1), np.sin(0.1)]) / 0.5))
        self.assertAllClose(loss(embeddings, np.array([0, 0, 0, 1])), terms.mean())

    @parameterized.parameters("temperature", "same_image_similarity")
    def test_rejects_constants_out_of_range(self, name):
        with self.assertRaisesRegex(ValueError, f"{name} must be a number above 0, got 0"):
            easy_positive.EasyPositiveLoss(**{name: 0})


if __name__ == "__main__":
    absltest.main()
