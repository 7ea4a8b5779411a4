import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.losses import circle

EMBEDDINGS = np.random.RandomState(0).normal(size=(8, 3))
EMBEDDINGS = (EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)).astype(np.float32)
LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 3])  # the last one has no positive


def reference(embeddings, margin, gamma, weights_from=None):
    """Sun et al. 2020, section 3, anchor by anchor; weights may come from other embeddings."""
    weights_from = embeddings if weights_from is None else weights_from
    embeddings = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    terms = []
    for i in range(len(LABELS) - 1):
        pull = push = 0.0
        for k in range(len(LABELS)):
            s, weight_s = embeddings[i] @ embeddings[k], weights_from[i] @ weights_from[k]
            if k != i and LABELS[k] == LABELS[i]:
                weight = max(0, 1 + margin - weight_s)
                pull += np.exp(-gamma * weight * (s - (1 - margin)))
            elif LABELS[k] != LABELS[i]:
                push += np.exp(gamma * max(0, weight_s + margin) * (s - margin))
        terms.append(np.log(1 + pull * push))
    return np.mean(terms)


class CircleTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((0.25, 256.0), (0.4, 80.0), (0.0, 5.0))
    def test_equals_the_paper_in_loops(self, margin, gamma):
        value = circle.CircleLoss(margin=margin, gamma=gamma)(EMBEDDINGS, LABELS)
        expected = reference(EMBEDDINGS.astype(np.float64), margin, gamma)
        self.assertAllClose(value, expected, rtol=1e-5)

    def test_weights_are_constants_in_the_gradient(self):
        """Finite differences of the reference whose weights stay at the unmoved embeddings."""
        embeddings = tf.constant(EMBEDDINGS)
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            value = circle.circle_loss(embeddings, LABELS, margin=0.25, gamma=4.0)
        direction = np.random.RandomState(1).normal(size=EMBEDDINGS.shape)
        exact = EMBEDDINGS.astype(np.float64)
        above, below = (
            reference(exact + step * direction, 0.25, 4.0, weights_from=exact)
            for step in (1e-5, -1e-5)
        )
        slope = np.sum(tape.gradient(value, embeddings) * direction)
        self.assertAllClose(slope, (above - below) / 2e-5, rtol=1e-3)

    @parameterized.parameters(
        ({"margin": 1.5}, r"margin must be in \[0, 1\], got 1.5"),
        ({"gamma": 0}, "gamma must be a number above 0, got 0"),
    )
    def test_rejects_constants_out_of_range(self, constants, message):
        with self.assertRaisesRegex(ValueError, message):
            circle.CircleLoss(**constants)


if __name__ == "__main__":
    absltest.main()
