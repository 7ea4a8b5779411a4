"""Tests of the verification figures."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from PIL import Image

from rtml_tf.data.pair_set import PairSet
from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation import verification


class PairSimilaritiesTest(absltest.TestCase):
    def test_cosine_of_each_pair(self):
        embeddings = np.array([[3.0, 0.0], [0.0, 0.1], [-5.0, 5.0]])
        left, right = np.array([0, 0, 1, 2]), np.array([1, 2, 2, 2])
        np.testing.assert_allclose(
            verification.pair_similarities(embeddings, left, right),
            [0.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0],
            atol=1e-6,
        )

    def test_many_pairs_of_few_images(self):
        left, right = np.random.default_rng(0).integers(0, 3, (2, 150_000))
        similarities = verification.pair_similarities(np.eye(3), left, right)
        np.testing.assert_array_equal(similarities, left == right)


class VerificationFiguresTest(absltest.TestCase):
    def test_figures_by_hand(self):
        """Each fold has one error of four pairs, at any threshold from the other one."""
        similarities = np.array([0.9, 0.8, 0.1, 0.7, 0.9, 0.2, 0.1, 0.05])
        same = np.array([True, True, False, False] * 2)
        fold = np.repeat([0, 1], 4)

        figures = verification.verification_figures(
            similarities, same, fold, false_accept_rates=(0.5, 0.25)
        )

        # Fold 0 asks for 0.75, where fold 1 errs once; fold 1 for 0.15, where fold 0 errs once.
        self.assertEqual(figures["accuracy"], 0.75)
        self.assertEqual(figures["accuracy_std"], 0.0)
        self.assertEqual(figures["accuracy_standard_error"], 0.0)
        # Of 16 (same, different) pairs of pairs only (0.2, 0.7) is the wrong way round.
        self.assertEqual(figures["auc"], 15 / 16)
        self.assertEqual(figures["eer"], 0.25)
        self.assertEqual(figures["tar@far=0.5"], 1.0)
        self.assertEqual(figures["tar@far=0.25"], 1.0)
        self.assertEqual(figures["smallest_far"], 0.25)
        self.assertAlmostEqual(figures["threshold"], 0.75)

    def test_spread_over_folds(self):
        """By hand: accuracies 1/2, 1/2 and 1 have a sample deviation of sqrt(1/12)."""
        similarities = np.array([0.0, 1.0, 1.0, 2.0, 0.0, 2.0])
        same = np.array([False, True] * 3)

        figures = verification.verification_figures(similarities, same, np.repeat([0, 1, 2], 2))

        self.assertAlmostEqual(figures["accuracy"], 2 / 3)
        self.assertAlmostEqual(figures["accuracy_std"], np.sqrt(1 / 12))
        self.assertAlmostEqual(figures["accuracy_standard_error"], np.sqrt(1 / 36))

    def test_a_false_accept_rate_that_the_pairs_cannot_support_is_said(self):
        same = np.arange(400) < 200
        similarities = np.linspace(1, 0, 400)
        with self.assertLogs(level="WARNING") as logs:
            figures = verification.verification_figures(similarities, same, np.arange(400) % 10)
        self.assertIn("200 pairs of different people", logs.output[0])
        self.assertIn("TAR at FAR 0.001, 0.0001", logs.output[0])
        self.assertEqual(figures["smallest_far"], 0.005)
        with self.assertNoLogs(level="WARNING"):
            verification.verification_figures(
                similarities, same, np.arange(400) % 10, false_accept_rates=(0.1, 0.005)
            )

    def test_folds_of_another_length_are_refused(self):
        with self.assertRaisesRegex(ValueError, r"each of 2 pairs, got an array of shape \(3,\)"):
            verification.verification_figures(
                np.array([0.0, 1.0]), np.array([False, True]), np.arange(3)
            )


class _Points(ImageSource):
    """1x1 images with two channels, which the network takes as their embeddings."""

    def __init__(self, points):
        self._points = np.asarray(points, np.float32).reshape(-1, 1, 1, 2)
        self.labels = np.arange(len(points), dtype=np.int32)
        self.class_names = tuple(f"person {number}" for number in range(len(points)))
        self.keys = tuple(f"{number}.jpg" for number in range(len(points)))
        self.image_shape = (1, 1, 2)

    def load(self, index):
        return tf.ensure_shape(tf.gather(self._points, index), self.image_shape)


class _Counting(tf.keras.layers.Layer):
    images = 0

    def call(self, inputs):
        def count(values):
            _Counting.images += len(values)
            return values

        return tf.ensure_shape(tf.numpy_function(count, [inputs], tf.float32), [None, 2])


def _pairs(**kwargs):
    arguments = {
        "images": _Points([[1, 0], [1, 0.1], [0, 1]]),
        "left": [0, 0, 1, 1],
        "right": [1, 2, 2, 0],
        "same": [True, False, False, True],
        "fold": [0, 0, 1, 1],
        "people": ["person 0", "person 0", "person 2"],
    }
    return PairSet(**(arguments | kwargs))


class VerificationEvaluationTest(absltest.TestCase):
    def test_embeds_each_image_once_and_gives_the_named_figures(self):
        evaluation = verification.VerificationEvaluation(
            pairs=_pairs(), batch_size=2, false_accept_rates=(0.5,)
        )
        network = tf.keras.Sequential(
            [tf.keras.Input((1, 1, 2)), tf.keras.layers.Flatten(), _Counting()]
        )

        figures = evaluation.evaluate(network)

        self.assertEqual(_Counting.images, 3)
        self.assertEqual(tuple(figures), evaluation.figure_names)
        self.assertEqual(figures["accuracy"], 1.0)
        length = np.sqrt(1.01)
        np.testing.assert_allclose(
            evaluation.similarities(network), [1 / length, 0, 0.1 / length, 1 / length], atol=1e-6
        )

    def test_draws_the_roc_curve_of_the_last_network(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        evaluation = verification.VerificationEvaluation(pairs=_pairs(), false_accept_rates=(0.5,))
        with self.assertRaisesRegex(ValueError, "network to have been evaluated, got none yet"):
            evaluation.plot({}, folder, "faces")
        network = tf.keras.Sequential([tf.keras.Input((1, 1, 2)), tf.keras.layers.Flatten()])

        evaluation.plot(evaluation.evaluate(network), folder, "faces, frontal")

        with Image.open(folder / "faces_frontal.png") as image:
            self.assertEqual(image.format, "PNG")
        self.assertNotEmpty(list((folder / "tensorboard").glob("events*")))

    def test_training_on_tested_people_is_refused(self):
        training = _Points([[1, 0]])
        training.class_names, training.keys = ("person 2",), ("another.jpg",)
        with self.assertRaisesRegex(ValueError, "share 1 people: person 2"):
            verification.VerificationEvaluation(pairs=_pairs(), training=training)

    def test_pairs_that_cannot_give_the_figures_are_refused_at_once(self):
        with self.assertRaisesRegex(ValueError, "got 1 kinds and 2 folds"):
            verification.VerificationEvaluation(pairs=_pairs(same=[True] * 4))
        with self.assertRaisesRegex(ValueError, "got 2 kinds and 1 folds"):
            verification.VerificationEvaluation(pairs=_pairs(fold=[2] * 4))
        with self.assertRaisesRegex(ValueError, r"lie in \(0, 1\], got 0"):
            verification.VerificationEvaluation(pairs=_pairs(), false_accept_rates=(0.1, 0))


if __name__ == "__main__":
    absltest.main()
