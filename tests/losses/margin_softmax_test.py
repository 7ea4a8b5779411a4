import math

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from scipy import special

from rtml_tf.losses import margin_softmax

EMBEDDINGS = np.random.RandomState(0).normal(size=(7, 4)).astype(np.float32)
WEIGHTS = np.random.RandomState(1).normal(size=(5, 4)).astype(np.float32)
LABELS = np.array([0, 4, 2, 2, 1, 3, 0])


def cosines():
    embeddings = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
    weights = WEIGHTS / np.linalg.norm(WEIGHTS, axis=1, keepdims=True)
    return embeddings.astype(np.float64) @ weights.T


def reference(target, scale):
    """Cross-entropy of cosines whose true class is replaced by `target(angle)`, row by row."""
    terms = []
    for row, label in zip(cosines(), LABELS):
        row[label] = target(np.arccos(row[label]))
        terms.append(special.logsumexp(scale * row) - scale * row[label])
    return np.mean(terms)


def with_weights(loss):
    loss(EMBEDDINGS, LABELS)
    loss.class_weights.assign(WEIGHTS)
    return loss


class MarginSoftmaxTest(tf.test.TestCase, parameterized.TestCase):
    def test_normalized_softmax(self):
        loss = with_weights(margin_softmax.NormalizedSoftmaxLoss(num_classes=5))
        self.assertAllClose(loss(EMBEDDINGS, LABELS), reference(np.cos, 16.0), rtol=1e-5)

    @parameterized.parameters((0.35, 30.0), (0.0, 5.0))
    def test_cosface(self, margin, scale):
        loss = with_weights(margin_softmax.CosFaceLoss(num_classes=5, margin=margin, scale=scale))
        expected = reference(lambda angle: np.cos(angle) - margin, scale)
        self.assertAllClose(loss(EMBEDDINGS, LABELS), expected, rtol=1e-5)

    @parameterized.product(margin=(0.5, 1.5), easy_margin=(False, True))
    def test_arcface(self, margin, easy_margin):
        """Deng et al. 2019, with the arccosine, and the authors' two continuations."""

        def target(angle):
            if easy_margin:
                return np.cos(angle + margin) if angle < np.pi / 2 else np.cos(angle)
            if angle + margin < np.pi:
                return np.cos(angle + margin)
            return np.cos(angle) - margin * np.sin(margin)

        loss = with_weights(
            margin_softmax.ArcFaceLoss(num_classes=5, margin=margin, easy_margin=easy_margin)
        )
        self.assertAllClose(loss(EMBEDDINGS, LABELS), reference(target, 16.0), rtol=1e-5)

    @parameterized.parameters(0.5, np.pi / 2)
    def test_angular_margin_falls_with_the_angle(self, margin):
        cosine = np.cos(np.linspace(0, np.pi, 300)).astype(np.float32)
        shifted = margin_softmax.ArcFaceLoss(num_classes=5, margin=margin).with_margin(cosine)
        self.assertAllInRange(np.diff(shifted), -np.inf, 0.0)
        self.assertAllInRange(cosine - shifted, 0.0, np.inf)

    def test_angular_margin_has_a_bounded_slope_everywhere(self):
        cosine = tf.constant([1.0 + 1e-7, 1.0, 1.0 - 1e-7, -1.0, -1.0 - 1e-7])
        with tf.GradientTape() as tape:
            tape.watch(cosine)
            shifted = margin_softmax.additive_angular_margin(cosine, 0.5)
        self.assertAllClose(shifted[1], math.cos(0.5), atol=1e-3)
        self.assertAllInRange(tape.gradient(shifted, cosine), 0.0, 2e3)

    def test_logits_are_scaled_cosines_without_a_margin(self):
        loss = with_weights(margin_softmax.ArcFaceLoss(num_classes=5))
        self.assertAllClose(loss.logits(EMBEDDINGS), 16.0 * cosines(), rtol=1e-5)
        self.assertEqual(loss.logits(tf.cast(EMBEDDINGS, tf.float16)).dtype, tf.float32)

    def test_logits_before_the_first_call(self):
        with self.assertRaisesRegex(ValueError, "ArcFaceLoss has no class vectors before"):
            margin_softmax.ArcFaceLoss(num_classes=5).logits(EMBEDDINGS)

    @parameterized.parameters(
        (margin_softmax.ArcFaceLoss, {"margin": 1.6}, r"margin must be in \[0, 1.5708\], got 1.6"),
        (margin_softmax.CosFaceLoss, {"margin": -1}, r"margin must be in \[0, 2\], got -1"),
        (margin_softmax.NormalizedSoftmaxLoss, {"scale": 0}, "scale must be a number above 0"),
    )
    def test_rejects_constants_out_of_range(self, loss, constants, message):
        with self.assertRaisesRegex(ValueError, message):
            loss(**constants)


if __name__ == "__main__":
    absltest.main()
