"""Tests of the figures that need no masks."""

import math
from unittest import mock

import numpy as np
import tensorflow as tf
from scipy import special, stats

from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation.label_free import LabelFreeEvaluation


class _Logits(ImageSource):
    """Images whose first three channels are the logits of one head, the last of the other."""

    class_names = ("unknown",)

    def __init__(self, images: np.ndarray):
        self._images = images.astype(np.float32)
        self.labels = np.zeros(len(images), np.int32)
        self.keys = tuple(map(str, range(len(images))))
        self.image_shape = images.shape[1:]

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.constant(self._images), index)


def _network(channels: int) -> tf.keras.Model:
    image = tf.keras.Input((None, None, channels))
    heads = tf.split(image, 2, axis=-1)
    return tf.keras.Model(image, {"p1": heads[0], "p2": heads[1]})


class LabelFreeEvaluationTest(tf.test.TestCase):
    def test_against_scipy(self):
        logits = np.random.default_rng(1).normal(0.0, 2.0, (5, 4, 6, 6))
        evaluation = LabelFreeEvaluation(source=_Logits(logits), batch_size=2)
        figures = evaluation.evaluate(_network(6))
        p = special.softmax(logits[..., :3] + logits[..., 3:], axis=-1).reshape(-1, 3)
        entropy = stats.entropy(p, axis=-1).mean() / math.log(3)
        diversity = stats.entropy(p.mean(axis=0)) / math.log(3)
        agreement = np.mean(logits[..., :3].argmax(axis=-1) == logits[..., 3:].argmax(axis=-1))
        self.assertEqual(tuple(figures), evaluation.figure_names)
        expected = {
            "label_free": (diversity - entropy + agreement) / 2,
            "information": diversity - entropy,
            "entropy": entropy,
            "diversity": diversity,
            "agreement": agreement,
        }
        self.assertAllClose(figures, expected, rtol=1e-5)

    def test_extremes(self):
        """Certain and diverse is 1; certain of one class, or heads that never agree, is not."""
        one, other = np.array([50.0, 0.0]), np.array([0.0, 50.0])
        cases = {
            "perfect": ([[one, one], [other, other]], 1.0),
            "collapsed": ([[one, one], [one, one]], 0.5),
            "opposed": ([[one, other], [other, one]], 0.0),
        }
        for name, (pixels, expected) in cases.items():
            with self.subTest(name):
                images = np.array(pixels).reshape(1, 2, 1, 4)
                figures = LabelFreeEvaluation(source=_Logits(images)).evaluate(_network(4))
                self.assertAllClose(figures["label_free"], expected)

    def test_refuses_an_exported_file(self):
        file = mock.Mock(output_shape=(None, 2, 2, 3), input_shape=(None, 2, 2, 6))
        evaluation = LabelFreeEvaluation(source=_Logits(np.zeros([1, 2, 2, 6])))
        with self.assertRaisesRegex(ValueError, "two heads .* got an exported file"):
            evaluation.evaluate(file)

    def test_refuses_a_batch_of_nothing(self):
        with self.assertRaisesRegex(ValueError, "batch_size must be at least 1, got 0"):
            LabelFreeEvaluation(source=_Logits(np.zeros((1, 1, 1, 4))), batch_size=0)


if __name__ == "__main__":
    tf.test.main()
