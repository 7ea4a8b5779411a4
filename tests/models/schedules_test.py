"""Tests of schedules over steps."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.models.schedules import (
    SigmoidRamp,
    WarmUpPolynomialDecay,
    at_step,
    checked_weight,
    within,
)


def _warm_up(**arguments):
    return WarmUpPolynomialDecay(**{"initial_learning_rate": 0.1, "decay_steps": 7, **arguments})


def _fall(start, end):
    return tf.keras.optimizers.schedules.PolynomialDecay(start, 4, end)


class SchedulesTest(tf.test.TestCase, parameterized.TestCase):
    def test_rate_of_the_published_code(self):
        """lr * i / 5 in the first 5 steps, lr * (1 - i / 100)^0.9 after; 0 at the end."""
        schedule = WarmUpPolynomialDecay(
            initial_learning_rate=2.5e-4, decay_steps=100, warm_up_steps=5
        )
        for step, expected in (
            (0, 0.0),
            (4, 2.5e-4 * 4 / 5),
            (5, 2.5e-4 * 0.95**0.9),
            (50, 2.5e-4 * 0.5**0.9),
            (100, 0.0),
            (101, 0.0),
        ):
            self.assertAllClose(schedule(tf.constant(step, tf.int64)), expected, rtol=1e-5)

    def test_ramp_of_gradient_reversal(self):
        ramp = SigmoidRamp(final=3.0, steps=50)
        for step in (0, 5, 25, 50):
            expected = 3.0 * (2.0 / (1.0 + np.exp(-10.0 * step / 50)) - 1.0)
            self.assertAllClose(ramp(step), expected)

    def test_drive_an_optimizer_and_survive_serialisation(self):
        for schedule in (
            WarmUpPolynomialDecay(initial_learning_rate=0.1, decay_steps=7, warm_up_steps=2),
            SigmoidRamp(final=0.3, steps=9),
        ):
            optimizer = tf.keras.optimizers.SGD(schedule)
            copy = tf.keras.optimizers.SGD.from_config(optimizer.get_config())
            self.assertAllClose(copy.learning_rate, schedule(0))
            again = tf.keras.utils.deserialize_keras_object(
                tf.keras.utils.serialize_keras_object(schedule)
            )
            self.assertEqual(again.get_config(), schedule.get_config())

    def test_a_schedule_within_its_range_is_taken_as_it_is(self):
        schedule = _fall(1.0, 0.0)
        self.assertIs(within("w", schedule, 0.0, 1.0), schedule)
        self.assertEqual(within("w", 1, 0.0, 1.0), 1.0)

    def test_at_step(self):
        schedule = tf.keras.optimizers.schedules.PolynomialDecay(0.4, 4, 0.0)
        self.assertAllClose(at_step(schedule, tf.Variable(1, dtype=tf.int64)), 0.3)
        self.assertEqual(at_step(2, 5).dtype, tf.float32)

    @parameterized.parameters(
        (lambda: checked_weight("w", -0.1), "w must be a number of at least 0, got -0.1"),
        (lambda: checked_weight("w", "0"), "w must be a number of at least 0, got '0'"),
        (lambda: within("w", 1.5, 0, 1), r"w must be in \[0, 1\], got 1.5"),
        (lambda: within("w", _fall(0.3, 4.0), 0, 1), r"\[0, 1\] at every step, .* ends with 4"),
        (lambda: within("w", _fall(-0.1, 0.0), 0, 1), r"at every step, .* begins with -0.1"),
        (lambda: SigmoidRamp(final=1.0, steps=0), "steps must be an integer of at least 1"),
        (lambda: SigmoidRamp(final=-1.0, steps=9), "final must be a number of at least 0, got -1"),
        (lambda: _warm_up(initial_learning_rate=-1.0), "initial_learning_rate must be a number"),
        (lambda: _warm_up(decay_steps=0), "decay_steps must be an integer of at least 1, got 0"),
        (lambda: _warm_up(warm_up_steps=-1), "warm_up_steps must be an integer of at least 0"),
        (lambda: _warm_up(power=0.0), "power must be a number above 0, got 0.0"),
    )
    def test_refuses(self, make, message):
        with self.assertRaisesRegex(ValueError, message):
            make()


if __name__ == "__main__":
    tf.test.main()
