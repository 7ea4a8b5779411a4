"""Tests of robust retrieval on networks whose robustness is known by hand."""

import gc
import io
import json
import pathlib
import sys
import weakref
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.random_noise import RandomNoise
from rtml_tf.attacks.spsa import SPSA
from rtml_tf.evaluation.honesty import HonestyChecks
from rtml_tf.evaluation.retrieval import RetrievalEvaluation
from rtml_tf.evaluation.robust_retrieval import RobustRetrievalEvaluation
from tests.evaluation.points import Points, direction_network, short_attack


def _four_classes():
    """Two images of each class, in the directions 0, 90, 180 and 270 degrees.

    An attack of epsilon turns a point at distance `r` by `atan(epsilon / (r - epsilon))`. It is
    nearer to the next class from 45 degrees on: where epsilon is above `r / 2`.
    """
    distances = [0.2, 0.2, 0.4, 0.4]
    points = [
        [distance * np.cos(angle), distance * np.sin(angle)]
        for distance, angle in zip(distances, np.pi / 2 * np.arange(4))
    ]
    return Points(np.repeat(points, 2, axis=0), np.repeat(range(4), 2))


class _Counting(tf.keras.layers.Layer):
    traces = 0

    def call(self, inputs):
        _Counting.traces += 1
        return inputs


class _Rounding(tf.keras.layers.Layer):
    def call(self, inputs):
        return tf.round(inputs * 50.0) / 50.0


class RobustRetrievalTest(parameterized.TestCase, tf.test.TestCase):
    def test_known_by_hand(self):
        evaluation = RobustRetrievalEvaluation(
            source=_four_classes(), attack=short_attack(), epsilons=(0.09, 0.11, 0.19, 0.21)
        )
        figures = evaluation.evaluate(direction_network())
        self.assertEqual(
            figures,
            {
                "recall@1 at 0": 1.0,
                "recall@1 at 0.09": 1.0,
                "recall@1 at 0.11": 0.5,
                "recall@1 at 0.19": 0.5,
                "recall@1 at 0.21": 0.0,
            },
        )
        self.assertEqual(tuple(figures), evaluation.figure_names)

    @parameterized.parameters(1, 3, 8)
    def test_whatever_the_batch_size(self, batch_size):
        evaluation = RobustRetrievalEvaluation(
            source=_four_classes(), attack=short_attack(), epsilons=(0.11,), batch_size=batch_size
        )
        self.assertEqual(evaluation.evaluate(direction_network())["recall@1 at 0.11"], 0.5)

    def test_the_clean_figures_are_those_of_retrieval(self):
        labels = np.arange(60) % 10
        angles = 2 * np.pi / 10 * labels + np.random.default_rng(0).normal(0, 0.2, 60)
        source = Points(0.4 * np.stack([np.cos(angles), np.sin(angles)], axis=1), labels)
        network = direction_network()
        clean = RetrievalEvaluation(source=source, recall_at=(1, 4)).evaluate(network)
        figures = RobustRetrievalEvaluation(
            source=source, recall_at=(1, 4), attack=short_attack(), epsilons=(1e-7, 0.1, 0.2)
        ).evaluate(network)
        for k in (1, 4):
            at = [figures[f"recall@{k} at {name}"] for name in ("0", "1e-07", "0.1", "0.2")]
            self.assertEqual(at[:2], [clean[f"recall@{k}"]] * 2)
            self.assertEqual(at, sorted(at, reverse=True))
            self.assertLess(at[-1], at[0])

    def test_images_without_a_match_are_in_the_gallery_but_no_queries(self):
        """A lone image in the direction of class 0 is found first by both of its queries."""
        points = [[0.3, 0.1], [0.3, -0.1], [0.3, 0.0], [-0.3, 0.0], [-0.3, 0.0]]
        source = Points(points, [0, 0, 1, 2, 2])
        evaluation = RobustRetrievalEvaluation(
            source=source, attack=short_attack(), epsilons=(0.01,)
        )
        self.assertEqual(evaluation.evaluate(direction_network())["recall@1 at 0"], 0.5)
        self.assertEqual(evaluation.describe()["attacked"], 4)
        self.assertEqual(evaluation.describe()["gallery"], 5)

    def test_a_limit_attacks_fewer_queries_in_the_whole_gallery(self):
        arguments = {"source": _four_classes(), "attack": short_attack(), "epsilons": (0.11,)}
        evaluation = RobustRetrievalEvaluation(**arguments, limit=3, seed=1)
        figures = evaluation.evaluate(direction_network())
        self.assertAlmostEqual(figures["recall@1 at 0.11"] * 3 % 1, 0.0, places=6)
        again = RobustRetrievalEvaluation(**arguments, limit=3, seed=1)
        self.assertEqual(again.evaluate(direction_network()), figures)
        description = evaluation.describe()
        for name, value in {"attacked": 3, "of": 8, "gallery": 8, "limit": 3, "seed": 1}.items():
            self.assertEqual(description[name], value, name)

    def test_an_attack_is_traced_once_for_a_network(self):
        network = direction_network(_Counting())
        evaluation = RobustRetrievalEvaluation(
            source=_four_classes(), attack=short_attack(), epsilons=(0.1, 0.2), batch_size=3
        )
        evaluation.evaluate(network)
        _Counting.traces = 0
        evaluation.evaluate(network)
        self.assertEqual(_Counting.traces, 0)

    def test_an_earlier_network_is_not_kept(self):
        evaluation = RobustRetrievalEvaluation(
            source=_four_classes(), attack=short_attack(steps=2), epsilons=(0.1,)
        )
        networks = [direction_network() for _ in range(3)]
        for network in networks:
            evaluation.evaluate(network)
        references = [weakref.ref(network) for network in networks[:2]]
        del networks, network
        tf.keras.backend.clear_session()
        gc.collect()
        self.assertEqual([reference() for reference in references], [None, None])

    def test_sees_new_weights_with_attacks_in_bfloat16(self):
        labels = np.arange(24) % 4
        source = Points(np.random.default_rng(0).uniform(-0.4, 0.4, (24, 2)), labels)
        networks = [direction_network(tf.keras.layers.Dense(2)) for _ in range(2)]
        for network, squeeze in zip(networks, (1.0, 0.1)):
            kernel = np.diag([1.0, squeeze])
            network.set_weights([kernel, 0.5 - kernel @ [0.5, 0.5]])
        arguments = {
            "source": source,
            "attack": short_attack(),
            "epsilons": (0.05,),
            "compute_dtype": "bfloat16",
        }
        evaluation = RobustRetrievalEvaluation(**arguments)
        before = evaluation.evaluate(networks[0])
        networks[0].set_weights(networks[1].get_weights())
        after = evaluation.evaluate(networks[0])
        self.assertNotEqual(after, before)
        self.assertEqual(after, RobustRetrievalEvaluation(**arguments).evaluate(networks[1]))

    def test_progress_is_shown_on_a_terminal_only(self):
        evaluation = RobustRetrievalEvaluation(
            source=_four_classes(), attack=short_attack(), epsilons=(0.1, 0.2), batch_size=2
        )
        for is_terminal in (False, True):
            stream = io.StringIO()
            stream.isatty = lambda shown=is_terminal: shown
            with mock.patch.object(sys, "stdout", stream):
                evaluation.evaluate(direction_network())
            self.assertEqual("8/8" in stream.getvalue(), is_terminal)

    @parameterized.parameters(
        ({"epsilons": (0.2, 0.1)}, "epsilons must"),
        ({"recall_at": ()}, "recall_at must"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"batch_size": 0}, "batch_size must be >= 1"),
        ({"compute_dtype": "bfloat"}, "compute_dtype must be float32, .* got 'bfloat'"),
        (
            {"attack": FastGradientMethod(epsilon=0.1), "honesty_checks": HonestyChecks()},
            "honesty_checks need an attack that takes steps",
        ),
        ({"source": Points([[0, 1], [1, 0]], [0, 1])}, "two images, got 2 classes with one"),
    )
    def test_refuses(self, change, message):
        with self.assertRaisesRegex(ValueError, message):
            RobustRetrievalEvaluation(**{"source": _four_classes(), **change})


class ReportTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def test_the_description_has_what_it_takes_to_repeat_it(self):
        evaluation = RobustRetrievalEvaluation(source=_four_classes(), epsilons=(4 / 255, 8 / 255))
        description = evaluation.describe()
        self.assertEqual(json.loads(json.dumps(description)), description)
        self.assertEqual(description["attack"]["name"], "ProjectedGradientDescent")
        self.assertEqual(description["attack"]["steps"], 32)
        self.assertEqual(description["attack"]["ball"], "LInfBall")
        self.assertNotIn("epsilon", description["attack"])
        self.assertEqual(description["objective"]["name"], "EmbeddingShiftObjective")
        self.assertEqual(description["epsilons"], [4 / 255, 8 / 255])
        self.assertNotIn("honesty", description)

    def test_the_plot_is_a_file_and_in_tensorboard(self):
        evaluation = RobustRetrievalEvaluation(
            source=_four_classes(), epsilons=(0.1, 0.2), recall_at=(1, 2)
        )
        values = np.linspace(1, 0, 6)
        evaluation.plot(dict(zip(evaluation.figure_names, values)), self.folder, "unseen, attacked")
        with Image.open(self.folder / "unseen_attacked.png") as image:
            self.assertEqual(image.format, "PNG")
            picture = np.asarray(image.convert("RGB"), int)
        # Both of matplotlib's first colours are drawn with.
        for colour in ([31, 119, 180], [255, 127, 14]):
            self.assertGreater(np.sum(np.abs(picture - colour).sum(axis=2) < 30), 100)
        events = EventAccumulator(str(self.folder / "tensorboard"))
        events.Reload()
        [event] = events.Tensors("evaluation/unseen, attacked")
        shown = tf.io.decode_png(event.tensor_proto.string_val[2])
        self.assertAllEqual(shown, picture)
        self.assertLen(list(self.folder.iterdir()), 2)

    def _checked(self, network):
        evaluation = RobustRetrievalEvaluation(
            source=_four_classes(),
            attack=short_attack(steps=10, random_start=False),
            epsilons=(0.1,),
            honesty_checks=HonestyChecks(
                epsilon=0.25, limit=6, gradient_free=SPSA(epsilon=0.1, steps=10, samples=8)
            ),
        )
        figures = evaluation.evaluate(network)
        evaluation.plot(figures, self.folder, "unseen")
        text = (self.folder / "unseen_honesty.txt").read_text(encoding="utf-8")
        return evaluation.describe()["honesty"], text

    def test_an_honest_figure(self):
        with self.assertNoLogs(level="WARNING"):
            honesty, text = self._checked(direction_network())
        self.assertTrue(honesty["passed"])
        self.assertEqual((honesty["epsilon"], honesty["images"]), (0.25, 6))
        self.assertEqual(honesty["figure"], 0.0)
        self.assertLen(honesty["checks"], 5)
        self.assertEqual(json.loads(json.dumps(honesty)), honesty)
        self.assertEqual(text.count("ok "), 5)

    def test_masked_gradients_are_named(self):
        """Rounding to 1/50 has no gradient, but values that SPSA can follow."""
        with self.assertLogs(level="WARNING") as logs:
            honesty, text = self._checked(direction_network(_Rounding()))
        self.assertTrue(honesty["gradients_look_masked"])
        self.assertFalse(honesty["passed"])
        self.assertIn("Gradients look masked", text)
        self.assertIn("passes no gradient to its images", logs.output[0])
        self.assertIn("Gradients look masked", logs.output[-1])
        self.assertIn("checked at epsilon 0.25", logs.output[-1])

    def test_another_attack_leaves_another_figure(self):
        """At this epsilon the search leaves 0; noise seldom turns a point as far."""
        evaluation = RobustRetrievalEvaluation(
            source=_four_classes(), attack=RandomNoise(epsilon=0.1), epsilons=(0.21,)
        )
        noise = evaluation.evaluate(direction_network())["recall@1 at 0.21"]
        self.assertGreater(noise, 0.5)

    def test_a_transfer_attack_follows_the_surrogate(self):
        """Rounding gives the attack nothing to follow; what fools the surrogate fools it."""
        rounded = direction_network(_Rounding())
        arguments = {"source": _four_classes(), "attack": short_attack(random_start=False)}
        direct = RobustRetrievalEvaluation(**arguments, epsilons=(0.13, 0.23))
        self.assertEqual(list(direct.evaluate(rounded).values()), [1.0, 1.0, 1.0])
        transfer = RobustRetrievalEvaluation(
            **arguments, epsilons=(0.13, 0.23), surrogate=direction_network()
        )
        self.assertEqual(list(transfer.evaluate(rounded).values()), [1.0, 0.5, 0.0])
        self.assertEqual(direct.describe()["surrogate"], None)
        self.assertStartsWith(transfer.describe()["surrogate"], "sequential")

    def test_a_surrogate_must_take_the_images_and_cannot_be_checked_for_honesty(self):
        other = tf.keras.Sequential([tf.keras.Input((2, 2, 1)), tf.keras.layers.Flatten()])
        with self.assertRaisesRegex(ValueError, r"takes inputs of shape \(2, 2, 1\)"):
            RobustRetrievalEvaluation(source=_four_classes(), surrogate=other)
        with self.assertRaisesRegex(ValueError, "got a surrogate as well"):
            RobustRetrievalEvaluation(
                source=_four_classes(),
                surrogate=direction_network(),
                honesty_checks=HonestyChecks(),
            )

    def test_a_network_without_gradient_is_refused_unless_gradients_are_not_needed_or_checked(self):
        rounded = direction_network(_Rounding())

        def evaluation(**arguments):
            return RobustRetrievalEvaluation(source=_four_classes(), **arguments)

        evaluation(attack=SPSA(epsilon=0.1, steps=1)).check_network(rounded)
        evaluation(surrogate=direction_network()).check_network(rounded)
        evaluation(honesty_checks=HonestyChecks()).check_network(rounded)
        evaluation().check_network(direction_network())
        with self.assertRaisesRegex(ValueError, "passes no gradient to its inputs"):
            evaluation().check_network(rounded)
        with self.assertRaisesRegex(ValueError, "passes no gradient to its inputs"):
            evaluation(surrogate=rounded)

    def test_settings_out_of_range_are_refused(self):
        for change, message in (
            ({"epsilon": 0.0}, "epsilon must be above 0, got 0"),
            ({"limit": 0}, "limit must be at least 1, got 0"),
            ({"tolerance": 2.0}, r"tolerance must be in \[0, 1\], got 2"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                HonestyChecks(**change)


if __name__ == "__main__":
    tf.test.main()
