"""Tests of robust verification on a network whose robustness is known by hand."""

import json
import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.data.pair_set import PairSet
from rtml_tf.evaluation.honesty import HonestyChecks
from rtml_tf.evaluation.robust_verification import RobustVerificationEvaluation
from rtml_tf.evaluation.verification import VerificationEvaluation
from rtml_tf.layers.l2_normalization import L2Normalization
from tests.evaluation.points import Points


def _network(turned=False):
    """Embeds a point as its direction, or as that turned by 90 degrees."""
    turn = tf.keras.layers.Dense(2, use_bias=False)
    network = tf.keras.Sequential(
        [
            tf.keras.Input((1, 1, 2)),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Rescaling(1.0, offset=-0.5),
            turn,
            L2Normalization(),
        ]
    )
    turn.set_weights([np.array([[0.0, 1.0], [-1.0, 0.0]] if turned else np.eye(2))])
    return network


def _pairs(repeats=1, **changes):
    """Pairs of one direction (same) and of two that are at right angles (different), two folds.

    Clean similarities are 1 and 0, so that the threshold is 0.5. Epsilon turns a point at 0.3 by
    `atan(epsilon / (0.3 - epsilon))`: to accept a different pair takes 30 degrees, epsilon 0.1098;
    to reject a same one 60 degrees, epsilon 0.1902.
    """
    arguments = {
        "images": Points([[0.3, 0], [0.3, 0], [0, 0.3], [0, -0.3], [0, -0.3]]),
        "left": [0, 0, 3, 3] * repeats,
        "right": [1, 2, 4, 1] * repeats,
        "same": [True, False] * (2 * repeats),
        "fold": [4, 4, 9, 9] * repeats,
    }
    return PairSet(**(arguments | changes))


def _evaluation(**changes):
    arguments = {
        "pairs": _pairs(),
        "attack": ProjectedGradientDescent(epsilon=0.1, steps=20, relative_step_size=0.25),
        "epsilons": (0.1, 0.12, 0.18, 0.2),
    }
    return RobustVerificationEvaluation(**(arguments | changes))


class RobustVerificationTest(parameterized.TestCase, tf.test.TestCase):
    def test_known_by_hand(self):
        evaluation = _evaluation(batch_size=3)
        figures = evaluation.evaluate(_network())
        self.assertEqual(
            figures,
            {
                "accuracy at 0": 1.0,
                "accuracy at 0.1": 1.0,
                "accuracy at 0.12": 0.5,
                "accuracy at 0.18": 0.5,
                "accuracy at 0.2": 0.0,
            },
        )
        self.assertEqual(tuple(figures), evaluation.figure_names)

    def test_the_length_of_embeddings_plays_no_part(self):
        longer = tf.keras.Sequential([_network(), tf.keras.layers.Rescaling(3.0)])
        self.assertEqual(_evaluation().evaluate(longer), _evaluation().evaluate(_network()))

    def test_a_transfer_attack_aims_at_the_embeddings_of_the_surrogate(self):
        """A turned network has the same similarities, but other embeddings to move towards."""
        figures = _evaluation(surrogate=_network(turned=True)).evaluate(_network())
        self.assertEqual(list(figures.values()), [1.0, 1.0, 0.5, 0.5, 0.0])

    def test_the_clean_figure_is_that_of_verification(self):
        rng = np.random.default_rng(0)
        left, right = np.arange(100).reshape(2, 50)
        points = rng.uniform(-0.4, 0.4, (100, 2))
        points[right] += np.where(np.arange(50)[:, np.newaxis] % 2, 2 * points[left], 0)
        pairs = PairSet(
            images=Points(points / 3),
            left=left,
            right=right,
            same=np.arange(50) % 2 == 1,
            fold=np.arange(50) // 5,
        )
        clean = VerificationEvaluation(pairs=pairs, false_accept_rates=(0.1,)).evaluate(_network())
        figures = _evaluation(pairs=pairs, epsilons=(1e-7, 0.02, 0.1)).evaluate(_network())
        at = list(figures.values())
        self.assertAllClose(at[:2], [clean["accuracy"]] * 2)
        self.assertEqual(at, sorted(at, reverse=True))
        self.assertLess(at[-1], at[0])

    def test_a_threshold_just_above_the_highest_similarity_accepts_nothing(self):
        """At the best threshold of fold 4, above 1, fold 9 is half right; fold 4 is all wrong."""
        pairs = _pairs(left=[0, 0, 3, 3], right=[2, 1, 4, 1])
        clean = VerificationEvaluation(pairs=pairs, false_accept_rates=(0.1,)).evaluate(_network())
        figures = _evaluation(pairs=pairs, epsilons=(1e-7,)).evaluate(_network())
        self.assertEqual(figures["accuracy at 0"], clean["accuracy"])
        self.assertEqual(figures["accuracy at 0"], 0.25)

    def test_a_limit_takes_equally_many_of_every_fold_and_kind(self):
        """Only then does an attack that flips one kind leave exactly one half."""
        evaluation = _evaluation(pairs=_pairs(repeats=10), epsilons=(0.12,), limit=8)
        self.assertEqual(evaluation.evaluate(_network())["accuracy at 0.12"], 0.5)
        description = evaluation.describe()
        self.assertEqual((description["attacked"], description["of"]), (8, 40))
        self.assertEqual(json.loads(json.dumps(description)), description)
        self.assertEqual(description["objective"]["name"], "SimilarityObjective")
        self.assertIn("clean", description["threshold"])

    def test_the_plot_is_a_file(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        evaluation = _evaluation()
        evaluation.plot(dict.fromkeys(evaluation.figure_names, 0.5), folder, "faces, attacked")
        with Image.open(folder / "faces_attacked.png") as image:
            self.assertEqual(image.format, "PNG")
        self.assertNotEmpty(list((folder / "tensorboard").glob("events*")))

    @parameterized.parameters(
        ({"pairs": _pairs(fold=[1] * 4)}, "2 kinds and 1 folds"),
        ({"limit": 3}, "^limit must be at least 4, one of each kind to draw from, got 3"),
        (
            {"limit": 4, "honesty_checks": HonestyChecks(limit=3)},
            "^honesty_checks.limit must be at least 4, one of each kind to draw from, got 3",
        ),
        ({"training": Points([[0, 1]])}, "share 1 images: 0.jpg"),
        ({"epsilons": ()}, "epsilons must hold at least one number"),
    )
    def test_refuses(self, change, message):
        with self.assertRaisesRegex(ValueError, message):
            _evaluation(**change)


if __name__ == "__main__":
    tf.test.main()
