"""Tests for the checks that tell a strong attack from a weak one."""

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.ball import L2Ball
from rtml_tf.attacks.compiled_attack import CompiledAttack
from rtml_tf.attacks.honesty_report import NUM_EVALUATIONS, honesty_report
from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.attacks.random_noise import RandomNoise
from rtml_tf.attacks.spsa import SPSA
from tests.attacks.linear_problem import Linear

ATTACK = ProjectedGradientDescent(epsilon=0.1, steps=6)
CHECKS = ("random noise", "twice the epsilon", "four times", "unbounded", "without gradients")


def _names(report):
    return [check.name for check in report.checks if not check.passed]


class ScriptedFiguresTest(tf.test.TestCase):
    """Figures made up for each attack, one out of place at a time."""

    def _report(self, *, noise=0.9, larger=0.3, longer=0.4, unbounded=0.0, spsa=0.6, **arguments):
        def evaluate(attack):
            if isinstance(attack, RandomNoise):
                return noise
            if isinstance(attack, SPSA):
                return spsa
            if attack.epsilon == 1.0:
                return unbounded
            return larger if attack.epsilon == 0.2 else longer if attack.steps == 24 else 0.5

        return honesty_report(evaluate, ATTACK, **arguments)

    def test_an_honest_evaluation_passes(self):
        report = self._report()
        self.assertTrue(report.passed)
        self.assertFalse(report.gradients_look_masked)
        self.assertEqual(report.figure, 0.5)
        for check, name in zip(report.checks, CHECKS, strict=True):
            self.assertIn(name, check.name)
        self.assertNotIn("FAILS", str(report))

    def test_each_figure_out_of_place_fails_its_own_check(self):
        for name, arguments in zip(
            CHECKS,
            ({"noise": 0.5}, {"larger": 0.6}, {"longer": 0.6}, {"unbounded": 0.1}, {"spsa": 0.4}),
            strict=True,
        ):
            report = self._report(**arguments)
            self.assertLen(_names(report), 1)
            self.assertIn(name, _names(report)[0])
            self.assertFalse(report.passed)
            self.assertIn("FAILS", str(report))
            masked = name == "without gradients"
            self.assertEqual(report.gradients_look_masked, masked)
            self.assertEqual("Gradients look masked" in str(report), masked)

    def test_the_tolerance_forgives_chance(self):
        small = {"larger": 0.51, "longer": 0.51, "spsa": 0.49}
        self.assertLen(_names(self._report(**small)), 3)
        self.assertTrue(self._report(**small, tolerance=0.02).passed)
        # Noise that does as much as the attack is no chance: the attack may have done nothing.
        self.assertFalse(self._report(noise=0.5, tolerance=0.02).passed)
        self.assertTrue(self._report(unbounded=0.1, almost_zero=0.1).passed)

    def test_the_variants_keep_the_ball(self):
        seen = []
        attack = ATTACK.replace(ball=L2Ball())
        honesty_report(lambda variant: seen.append(variant) or 0.0, attack, unbounded_epsilon=9.0)
        self.assertLen(seen, NUM_EVALUATIONS)
        for variant in seen:
            self.assertIsInstance(variant.ball, L2Ball)
        self.assertEqual(max(variant.epsilon for variant in seen), 9.0)

    def test_the_l2_ball_needs_an_epsilon_that_counts_as_unbounded(self):
        with self.assertRaisesRegex(ValueError, r"unbounded_epsilon .* for L2Ball\(\), got None\."):
            honesty_report(lambda variant: 0.0, ATTACK.replace(ball=L2Ball()))


class RealAttacksTest(tf.test.TestCase):
    """Images of one pixel, "recognised" while the value `sum(network(x))` is below 0.65."""

    def _report(self, network):
        batch = {"image": np.linspace(0.4, 0.6, 21, dtype=np.float32)[:, np.newaxis]}

        def evaluate(attack):
            found = CompiledAttack(network=network, attack=attack, objective=Linear())(
                batch, seed=(1, 2)
            )
            return float(np.mean(network(found) < 0.65))

        return honesty_report(evaluate, ATTACK, tolerance=0.01)

    def test_a_plain_network(self):
        """Raised by 0.1, the upper 5 of 21 images (0.56 and up) and the one at 0.55 are missed."""
        report = self._report(tf.identity)
        self.assertTrue(report.passed, str(report))
        self.assertAllClose(report.figure, 15 / 21, atol=0.05)

    def test_a_network_whose_gradients_are_masked(self):
        """Rounding has no gradient, so only SPSA finds the way."""
        report = self._report(lambda x: tf.round(x * 100) / 100)
        self.assertTrue(report.gradients_look_masked, str(report))
        self.assertFalse(report.passed)


if __name__ == "__main__":
    tf.test.main()
