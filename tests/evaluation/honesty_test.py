"""Tests of the part of an evaluation that honesty checks are made on, and of their progress."""

import io
import sys
from unittest import mock

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.spsa import SPSA
from rtml_tf.evaluation.honesty import HonestyChecks
from rtml_tf.evaluation.robust_retrieval import RobustRetrievalEvaluation
from tests.evaluation.points import Points, direction_network, short_attack


def _evaluation(**checks):
    gradient_free = SPSA(epsilon=0.1, steps=1, samples=2)
    return RobustRetrievalEvaluation(
        source=Points(np.repeat([[0.2, 0.0], [0.0, 0.2]], 4, axis=0), np.repeat([0, 1], 4)),
        attack=short_attack(steps=2),
        epsilons=(0.1,),
        batch_size=2,
        honesty_checks=HonestyChecks(gradient_free=gradient_free, **checks),
    )


class HonestyChecksTest(tf.test.TestCase):
    def test_a_bar_of_their_own_shows_their_progress_on_a_terminal(self):
        """Four batches of all eight images, then six times three batches of five of them."""
        for is_terminal in (False, True):
            stream = io.StringIO()
            stream.isatty = lambda shown=is_terminal: shown
            with mock.patch.object(sys, "stdout", stream):
                _evaluation(limit=5).evaluate(direction_network())
            shown = stream.getvalue()
            self.assertEqual("4/4" in shown, is_terminal)
            self.assertEqual(
                "18/18" in shown and "batch of the honesty checks" in shown, is_terminal
            )
            self.assertNotIn("19/18", shown)


if __name__ == "__main__":
    tf.test.main()
