"""Schedules over steps: of learning rates, and of the weights of loss terms.

A schedule is a Keras learning-rate schedule. A weight that fades to nothing over I steps
(`w (1 - i/I)`) is `PolynomialDecay(w, I, 0.0)`.
"""

from typing import Any

import tensorflow as tf

from rtml_tf.attacks.ball import Ball
from rtml_tf.losses import arguments

Schedule = tf.keras.optimizers.schedules.LearningRateSchedule

# A step that no training reaches: what a schedule ends at.
_LAST_STEP = 10**9


def at_step(value: float | Schedule, step: tf.Tensor | tf.Variable) -> tf.Tensor:
    """The float32 scalar that a number or a schedule is at a step."""
    return tf.cast(value(step) if callable(value) else value, tf.float32)


def checked_weight(name: str, value: float | Schedule) -> float | Schedule:
    """Returns a schedule as it is, and a number as a float.

    Raises:
        ValueError: If `value` is neither a schedule nor a number of at least 0.
    """
    return value if isinstance(value, Schedule) else arguments.non_negative(name, value)


def within(name: str, value: float | Schedule, low: float, high: float) -> float | Schedule:
    """Returns a schedule as it is, and a number as a float.

    Of a schedule, where it begins and where it ends are looked at; in between it may still leave
    the range.

    Raises:
        ValueError: If a number, or what a schedule begins or ends with, is not in `[low, high]`.
    """
    if not isinstance(value, Schedule):
        return arguments.within(name, value, low, high)
    for step, when in ((0, "begins"), (_LAST_STEP, "ends")):
        found = float(value(step))
        if not low <= found <= high:
            raise ValueError(
                f"{name} must be in [{low:g}, {high:g}] at every step, got a schedule that {when} "
                f"with {found:g}."
            )
    return value


def checked_epsilon(
    epsilon: float | Schedule, *, ball: Ball, pixel_range: tuple[float, float]
) -> float | Schedule:
    """An epsilon of a ball as `within` returns it, or an error of its kind."""
    return within("epsilon, in pixel units,", epsilon, 0.0, ball.largest_epsilon(pixel_range))


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class WarmUpPolynomialDecay(Schedule):
    """A learning rate that rises linearly, then falls to 0 by a power.

    `r i / warm_up_steps` in the first `warm_up_steps` steps, `r (1 - i / decay_steps)^power` after.
    With a warm-up of 5 % and power 0.9 it is that of CLAN's published code, which begins the decay
    at step 0 as well, so that the rate never quite reaches r.

    Attributes:
        initial_learning_rate: r.
        decay_steps: Steps after which the rate is 0.
        warm_up_steps: Steps of the linear rise.
        power: Power of the fall.
    """

    def __init__(
        self,
        *,
        initial_learning_rate: float,
        decay_steps: int,
        warm_up_steps: int = 0,
        power: float = 0.9,
    ):
        """Takes the constants.

        Raises:
            ValueError: If a value is out of range.
        """
        super().__init__()
        self.initial_learning_rate = arguments.non_negative(
            "initial_learning_rate", initial_learning_rate
        )
        self.decay_steps = arguments.integer_from("decay_steps", decay_steps, 1)
        self.warm_up_steps = arguments.integer_from("warm_up_steps", warm_up_steps, 0)
        self.power = arguments.positive("power", power)

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        left = tf.maximum(1.0 - step / self.decay_steps, 0.0) ** self.power
        if self.warm_up_steps:
            left = tf.where(step < self.warm_up_steps, step / self.warm_up_steps, left)
        return self.initial_learning_rate * left

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "warm_up_steps": self.warm_up_steps,
            "power": self.power,
        }


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class SigmoidRamp(Schedule):
    """A weight that rises from 0: `final (2 / (1 + exp(-10 i / steps)) - 1)`.

    Source: Ganin and Lempitsky, ICML 2015, section 4, for the strength of gradient reversal. After
    a tenth of the steps it is 0.46 of the final weight, after a half 0.99.

    Attributes:
        final: The weight that it rises to.
        steps: The length of the ramp.
    """

    def __init__(self, *, final: float, steps: int):
        """Takes the constants.

        Raises:
            ValueError: If a value is out of range.
        """
        super().__init__()
        self.final = arguments.non_negative("final", final)
        self.steps = arguments.integer_from("steps", steps, 1)

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        # 2 / (1 + exp(-x)) - 1 = tanh(x / 2)
        return self.final * tf.tanh(5.0 * tf.cast(step, tf.float32) / self.steps)

    def get_config(self) -> dict[str, Any]:
        return {"final": self.final, "steps": self.steps}
