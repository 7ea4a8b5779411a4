"""Tests of the losses of a class for each pixel."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.losses.segmentation import FocalLoss, PixelCrossEntropy, focal_loss

_VOID = 255


def _case():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 3, 4, 3)).astype(np.float32)
    mask = rng.integers(0, 3, size=(2, 3, 4)).astype(np.int32)
    mask[0, :2] = _VOID
    return logits, mask


def _reference(logits, mask, gamma, weights):
    """The definition, written as a loop over pixels in float64."""
    total = weight = 0.0
    for pixel, label in zip(logits.reshape(-1, 3).astype(np.float64), mask.reshape(-1)):
        if label != _VOID:
            p = np.exp(pixel[label]) / np.exp(pixel).sum()
            total += weights[label] * (1 - p) ** gamma * -np.log(p)
            weight += weights[label]
    return total / weight


class SegmentationLossTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(gamma=(0.0, 0.5, 2.0), weights=(None, [1.0, 0.0, 3.5]))
    def test_is_the_definition(self, gamma, weights):
        logits, mask = _case()
        loss = focal_loss(logits, mask, gamma=gamma, class_weights=weights)
        self.assertAllClose(loss, _reference(logits, mask, gamma, weights or [1.0] * 3))

    def test_cross_entropy_is_that_of_keras(self):
        logits, mask = _case()
        keras = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=_VOID)
        weights = np.where(mask == _VOID, 0.0, 1.0)
        expected = keras(np.where(mask == _VOID, 0, mask), logits, sample_weight=weights)
        ours = PixelCrossEntropy()(logits, mask)
        # Keras divides by all pixels, not by those with a class.
        self.assertAllClose(ours, expected * mask.size / weights.sum())

    @parameterized.parameters(0.0, 0.5, 2.0)
    def test_is_finite_with_finite_gradients_at_the_edges(self, gamma):
        """All void; saturated and right; saturated and wrong (the loss is the gap, 1e4)."""
        labels = np.zeros([1, 1, 2], np.int32)
        right = tf.constant([[[[1e4, 0.0]] * 2]])
        for logits, mask, value in (
            (right, labels + _VOID, 0.0),
            (right, labels, 0.0),
            (right, labels + 1, 1e4),
        ):
            with tf.GradientTape() as tape:
                tape.watch(logits)
                loss = focal_loss(logits, mask, gamma=gamma)
            self.assertAllClose(loss, value)
            self.assertAllInRange(tape.gradient(loss, logits), -1.0, 1.0)

    def test_other_ignore_value(self):
        logits, mask = _case()
        self.assertAllClose(
            PixelCrossEntropy(ignore_value=-1)(logits, np.where(mask == _VOID, -1, mask)),
            PixelCrossEntropy()(logits, mask),
        )

    def test_an_unknown_class_is_an_error_on_any_device(self):
        logits, mask = _case()
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, r"classes in \[0, 3\) or the"):
            PixelCrossEntropy(ignore_value=-1)(logits, mask)

    def test_survives_serialisation(self):
        loss = FocalLoss(gamma=1.5, ignore_value=9, class_weights=[1, 2])
        copy = tf.keras.utils.deserialize_keras_object(tf.keras.utils.serialize_keras_object(loss))
        self.assertEqual(copy.get_config(), loss.get_config())
        self.assertIs(type(copy), FocalLoss)

    @parameterized.parameters(
        (lambda x, m: FocalLoss(gamma=-1.0), "gamma must be a number of at least 0, got -1.0"),
        (lambda x, m: FocalLoss(class_weights=[0, 0]), "class_weights must not all be 0"),
        (lambda x, m: PixelCrossEntropy()(x, m[:, :2]), r"\[B, H, W, K\] and \[B, H, W\], got"),
        (lambda x, m: PixelCrossEntropy()(x, x[..., 0]), "got float32 and float32"),
        (lambda x, m: PixelCrossEntropy(class_weights=[1.0])(x, m), "each of 3 classes, got 1"),
    )
    def test_refuses(self, make, message):
        with self.assertRaisesRegex(ValueError, message):
            make(*_case())


if __name__ == "__main__":
    tf.test.main()
