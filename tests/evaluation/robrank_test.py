"""Tests of the robustness score and the evaluation that measures it."""

import io
import json
import pathlib
import sys
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rtml_tf.attacks.carlini_wagner import CarliniWagnerL2
from rtml_tf.attacks.projected_gradient_descent import BasicIterativeMethod
from rtml_tf.attacks.spsa import SPSA
from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation import robustness_score
from rtml_tf.evaluation.attacked_embeddings import branches_under_attack
from rtml_tf.evaluation.retrieval import RetrievalEvaluation
from rtml_tf.evaluation.robrank import RobRankEvaluation
from rtml_tf.layers.l2_normalization import L2Normalization

SIX_CLASSES = np.arange(60) % 6
_FIGURES = {
    "CA+": 4.0,
    "CA-": 90.0,
    "QA+": 6.0,
    "QA-": 80.0,
    "TMA": 0.75,
    "ES:D": 1.5,
    "ES:R": 1.0,
    "LTM": 2.0,
    "GTM": 3.0,
    "GTT": 4.0,
}


class RobustnessScoreTest(absltest.TestCase):
    def test_known_by_hand(self):
        """8, 10, 12, 20, 25, 25, 1, 2, 3 and 4 add up to 110."""
        components = robustness_score.score_components(_FIGURES)
        self.assertEqual(list(components.values()), [8, 10, 12, 20, 25, 25, 1, 2, 3, 4])
        self.assertEqual(tuple(components), robustness_score.ATTACK_FIGURES)
        self.assertAlmostEqual(robustness_score.empirical_robustness_score(_FIGURES), 11.0)


class _Circle(ImageSource):
    """1x1 images with two channels: points on a circle around grey, whose angle is the class."""

    def __init__(self, labels):
        self.labels = np.asarray(labels, np.int32)
        self.class_names = tuple(map(str, range(max(labels) + 1)))
        self.keys = tuple(map(str, range(len(labels))))
        self.image_shape = (1, 1, 2)
        angles = 2 * np.pi / len(self.class_names) * self.labels
        angles = angles + np.random.default_rng(0).normal(0, 0.15, len(labels))
        points = 0.5 + 0.4 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        self._points = points.astype(np.float32).reshape(-1, 1, 1, 2)

    def load(self, index):
        return tf.ensure_shape(tf.gather(self._points, index), self.image_shape)


def _direction_network(*last):
    return tf.keras.Sequential(
        [
            tf.keras.Input((1, 1, 2)),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Rescaling(1.0, offset=-0.5),
            *(last or [L2Normalization()]),
        ]
    )


def _evaluation(epsilon=0.1, labels=SIX_CLASSES, **arguments):
    attack = BasicIterativeMethod(epsilon=epsilon, steps=4, relative_step_size=0.4)
    return RobRankEvaluation(source=_Circle(labels), attack=attack, **arguments)


class RobRankEvaluationTest(parameterized.TestCase, tf.test.TestCase):
    def test_the_defaults_are_those_of_the_paper(self):
        description = RobRankEvaluation(source=_Circle([0, 0, 1, 1])).describe()
        self.assertEqual(json.loads(json.dumps(description)), description)
        attack = description["attack"]
        self.assertEqual(attack["name"], "BasicIterativeMethod")  # No random start.
        self.assertEqual(attack["steps"], 32)
        self.assertAllClose([attack["epsilon"], attack["step_size"]], [8 / 255, 3 / 255])
        self.assertEqual((description["attacked"], description["gallery"]), (4, 4))

    def test_an_attack_without_room_leaves_what_is_there_without_attack(self):
        evaluation, network = _evaluation(1e-7), _direction_network()
        figures = evaluation.evaluate(network)
        unattacked = evaluation.describe()["unattacked"]
        for name, value in unattacked.items():
            self.assertAllClose(figures[name], value, atol=1e-2, msg=name)
        recall = RetrievalEvaluation(source=_Circle(SIX_CLASSES)).evaluate(network)
        self.assertAllClose(figures["R@1"], 100 * recall["recall@1"])
        for name in ("ES:R", "LTM", "GTM"):
            self.assertEqual(unattacked[name], figures["R@1"])
        self.assertEqual((unattacked["GTT"], unattacked["ES:D"]), (100.0, 0.0))
        self.assertBetween(unattacked["CA+"], 40, 60)  # A random candidate is in the middle.
        self.assertEqual(unattacked["QA-"], 0.0)  # The nearest of 60 images is all of 1 %.

    def test_a_strong_attack_on_some_of_the_images(self):
        """Beyond the radius of the circle an image can be moved to any direction."""
        arguments = {"epsilon": 0.5, "limit": 20, "seed": 3, "batch_size": 7}
        evaluation, network = _evaluation(**arguments), _direction_network()
        stream = io.StringIO()
        stream.isatty = lambda: True
        with mock.patch.object(sys, "stdout", stream):
            figures = evaluation.evaluate(network)
        self.assertIn("27/27", stream.getvalue())  # Nine attacks on three batches.
        self.assertEqual(tuple(figures), evaluation.figure_names)
        components = robustness_score.score_components(figures)
        for name, value in components.items():
            self.assertLess(value, 40, name)
        self.assertAlmostEqual(figures["ERS"], np.mean(list(components.values())))
        self.assertEqual(figures["R@1"], 100.0)

        description = evaluation.describe()
        expected = {"attacked": 20, "of": 60, "gallery": 60, "limit": 20, "seed": 3}
        self.assertEqual({name: description[name] for name in expected}, expected)
        self.assertEqual(description["branch"], branches_under_attack(network))
        self.assertEqual(json.loads(json.dumps(description)), description)
        self._check_plot(evaluation, figures)
        self.assertEqual(_evaluation(**arguments).evaluate(network), figures)

    def _check_plot(self, evaluation, figures):
        """A file with both sets of bars, and the same in TensorBoard."""
        folder = pathlib.Path(self.create_tempdir().full_path)
        evaluation.plot(figures, folder, "unseen, RobRank")
        with Image.open(folder / "unseen_RobRank.png") as image:
            picture = np.asarray(image.convert("RGB"), int)
        for colour in ([31, 119, 180], [255, 127, 14]):
            self.assertGreater(np.sum(np.abs(picture - colour).sum(axis=2) < 30), 1000)
        events = EventAccumulator(str(folder / "tensorboard"))
        events.Reload()
        self.assertIn("evaluation/unseen, RobRank", events.Tags()["tensors"])

    def test_images_without_a_match_are_not_attacked(self):
        evaluation = _evaluation(labels=[0, 0, 1, 2, 2, 3])
        self.assertEqual((evaluation.describe()["attacked"], evaluation.describe()["of"]), (4, 4))
        self.assertEqual(evaluation.describe()["gallery"], 6)

    @parameterized.parameters(
        ({"labels": [0, 0, 0]}, "at least two classes, .* got 1 classes with 3 images"),
        ({"labels": [0, 1, 2]}, "two images in one of them, got 3 classes"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"batch_size": 0}, "batch_size must be >= 1"),
        ({"compute_dtype": "bfloat"}, "compute_dtype must be float32, .* got 'bfloat'"),
    )
    def test_refuses(self, change, message):
        with self.assertRaisesRegex(ValueError, message):
            _evaluation(**change)

    def test_refuses_an_unbounded_search(self):
        with self.assertRaisesRegex(ValueError, "attack must have an epsilon, got CarliniWagnerL2"):
            RobRankEvaluation(source=_Circle([0, 0, 1]), attack=CarliniWagnerL2())

    def test_refuses_embeddings_that_are_not_at_unit_length(self):
        network = _direction_network(tf.keras.layers.Rescaling(3.0))
        with self.assertRaisesRegex(ValueError, "at unit length .* got lengths from 1.2 to 1.2"):
            _evaluation().evaluate(network)

    def test_a_network_without_gradient_is_refused_where_the_search_needs_it(self):
        rounded = tf.keras.Sequential([tf.keras.layers.Activation(tf.round), _direction_network()])
        rounded.build((None, 1, 1, 2))
        RobRankEvaluation(
            source=_Circle(SIX_CLASSES), attack=SPSA(epsilon=0.1, steps=1)
        ).check_network(rounded)
        _evaluation().check_network(_direction_network())
        with self.assertRaisesRegex(ValueError, "passes no gradient to its inputs"):
            _evaluation().check_network(rounded)


if __name__ == "__main__":
    tf.test.main()
