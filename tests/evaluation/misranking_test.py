"""Tests of queries that find another class first, on a network known by hand."""

import tracemalloc

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.recall_margin_objective import RecallMarginObjective
from rtml_tf.evaluation.robust_retrieval import RobustRetrievalEvaluation
from rtml_tf.layers.l2_normalization import L2Normalization
from tests.evaluation.points import Points, direction_network, short_attack

_EACH = 12


def _right_angle():
    """Two classes in the directions 0 and 90 degrees; nothing lies on their other sides.

    An attack of epsilon turns a point at distance 0.2 by `atan(epsilon / (0.2 - epsilon))`. It is
    nearer to the other class from 45 degrees on, where epsilon is above 0.1.
    """
    return Points(np.repeat([[0.2, 0.0], [0.0, 0.2]], _EACH, axis=0), np.repeat([0, 1], _EACH))


class MisrankingTest(tf.test.TestCase):
    def test_a_query_is_moved_to_the_other_class(self):
        evaluation = RobustRetrievalEvaluation(
            source=_right_angle(),
            attack=short_attack(),
            objective=RecallMarginObjective(),
            epsilons=(0.09, 0.11),
            limit=2 * _EACH - 1,
        )
        figures = evaluation.evaluate(direction_network())
        self.assertEqual(list(figures.values()), [1.0, 1.0, 0.0])
        self.assertEqual(evaluation.describe()["objective"]["name"], "RecallMarginObjective")

    def test_a_shift_does_not_know_where_the_other_class_is(self):
        """From where a query stands both sides are equally far: it takes either."""
        evaluation = RobustRetrievalEvaluation(
            source=_right_angle(), attack=short_attack(), epsilons=(0.11,)
        )
        found = evaluation.evaluate(direction_network())["recall@1 at 0.11"]
        self.assertBetween(found, 0.2, 0.8)

    def test_of_three_classes_the_nearest_is_the_target(self):
        """To the class at 50 degrees it takes a turn of 25; to that at 100 it would take 50.

        (A random start can lie on the side of the wrong one, from where there is no way back.)
        """
        angles = np.radians([0.0, 0.0, 50.0, 50.0, -100.0, -100.0])
        points = 0.2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        evaluation = RobustRetrievalEvaluation(
            source=Points(points, [0, 0, 1, 1, 2, 2]),
            attack=short_attack(random_start=False),
            objective=RecallMarginObjective(),
            epsilons=(0.09,),
        )
        # 0.09 turns the first class by up to 39 degrees, and the third by no more than 37.
        self.assertAllClose(evaluation.evaluate(direction_network())["recall@1 at 0.09"], 1 / 3)

    def test_memory_holds_the_neighbours_of_a_batch(self):
        """Of all queries at once they would take 2 x 200 x 16 x 4096 x 4 bytes, 105 million."""
        network = tf.keras.Sequential(
            [direction_network(), tf.keras.layers.Dense(4096), L2Normalization()]
        )
        evaluation = RobustRetrievalEvaluation(
            source=Points(np.tile([[0.2, 0.0], [0.0, 0.2]], (100, 1)), np.tile([0, 1], 100)),
            attack=short_attack(steps=1),
            objective=RecallMarginObjective(),
            epsilons=(0.01,),
            batch_size=8,
        )
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.assertEqual(evaluation.evaluate(network)["recall@1 at 0.01"], 1.0)
        _, peak = tracemalloc.get_traced_memory()
        self.assertLess(peak, 50e6)

    def test_the_network_that_the_attack_sees_must_give_unit_length(self):
        arguments = {"source": _right_angle(), "attack": short_attack(), "epsilons": (0.11,)}
        longer = tf.keras.Sequential([direction_network(), tf.keras.layers.Rescaling(3.0)])
        for objective in (None, RecallMarginObjective()):
            evaluation = RobustRetrievalEvaluation(**arguments, objective=objective)
            with self.assertRaisesRegex(ValueError, "network must .* unit length .* from 3 to 3"):
                evaluation.evaluate(longer)
        evaluation = RobustRetrievalEvaluation(**arguments, surrogate=longer)
        with self.assertRaisesRegex(ValueError, "surrogate must give embeddings at unit length"):
            evaluation.evaluate(direction_network())
        transfer = RobustRetrievalEvaluation(**arguments, surrogate=direction_network())
        self.assertEqual(transfer.evaluate(longer), transfer.evaluate(direction_network()))

    def test_there_must_be_another_class(self):
        with self.assertRaisesRegex(ValueError, "at least two classes .* found first, got 1"):
            RobustRetrievalEvaluation(
                source=Points([[0.1, 0.0], [0.1, 0.0]], [0, 0]),
                objective=RecallMarginObjective(),
            )


if __name__ == "__main__":
    tf.test.main()
