"""Carlini and Wagner's attack: the shortest perturbation that reaches a goal."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from rtml_tf.attacks import cleverhans_primitives as primitives
from rtml_tf.attacks.adam import adam_step
from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.ball import L2Ball
from rtml_tf.attacks.problem import AttackProblem, finite
from rtml_tf.losses import arguments


class _Best(NamedTuple):
    """The shortest successful perturbations so far."""

    images: tf.Tensor  # [B, ...]
    squared_norm: tf.Tensor  # [B], infinite where nothing succeeded yet

    def updated(self, images: tf.Tensor, squared_norm: tf.Tensor, success: tf.Tensor) -> "_Best":
        better = success & (squared_norm < self.squared_norm)
        inner = [1] * (images.shape.rank - 1)
        return _Best(
            tf.where(tf.reshape(better, [-1, *inner]), images, self.images),
            tf.where(better, squared_norm, self.squared_norm),
        )


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class CarliniWagnerL2(Attack):
    """Minimises `|d|_2^2 + c max(0, goal - value)` with Adam, and searches the constant c.

    Source: Carlini and Wagner (2017), sections V and VI. Pixels are `tanh` of free variables, so
    they are always valid; c is searched by bisection for each image: up tenfold until the goal is
    reached, then between the last failure and the last success. The value is the objective's: with
    `ClassMarginObjective` and goal 0 the attack is the original one, `SimilarityObjective` and goal
    0 flip a verification pair, and `EmbeddingShiftObjective` takes a distance as its goal.

    Images that never exceed the goal are returned unchanged. With an epsilon, longer perturbations
    are cut to its L2 ball, and may then miss the goal.

    Attributes:
        goal: Value to exceed.
        steps: Adam steps for one c.
        search_steps: Number of constants tried.
        initial_constant: The first c.
        learning_rate: Adam's, in units of the tanh variables.
    """

    _may_be_unbounded = True

    def __init__(
        self,
        *,
        goal: float = 0.0,
        epsilon: float | None = None,
        steps: int = 1_000,
        search_steps: int = 5,
        initial_constant: float = 1e-2,
        learning_rate: float = 5e-3,
        pixel_range: Sequence[float] = (0.0, 1.0),
    ):
        """Checks and keeps its arguments.

        Args:
            goal: Value to exceed; above 0 it is the confidence of the paper.
            epsilon: Largest L2 norm in pixel units, or None.
            steps: At least 1.
            search_steps: At least 1.
            initial_constant: Above 0.
            learning_rate: Above 0.
            pixel_range: `(lowest, highest)` value of a valid pixel.

        Raises:
            ValueError: If an argument is outside the range given here.
        """
        super().__init__(epsilon=epsilon, ball=L2Ball(), pixel_range=pixel_range)
        self.goal = float(goal)
        self.steps = arguments.integer_from("steps", steps, 1)
        self.search_steps = arguments.integer_from("search_steps", search_steps, 1)
        self.initial_constant = arguments.positive("initial_constant", initial_constant)
        self.learning_rate = arguments.positive("learning_rate", learning_rate)

    def _search(self, problem: AttackProblem, seed: tf.Tensor) -> tf.Tensor:
        unknown = tf.fill(tf.shape(problem.images)[:1], float("inf"))
        constant = tf.fill(tf.shape(unknown), self.initial_constant)

        def try_constant(index, constant, lower, upper, best):
            best, success = self._descend(problem, constant, best)
            upper = tf.where(success, tf.minimum(upper, constant), upper)
            lower = tf.where(success, lower, tf.maximum(lower, constant))
            bisected = (lower + upper) / 2.0
            constant = tf.where(tf.math.is_inf(upper), 10.0 * constant, bisected)
            return constant, lower, upper, best

        nothing = _Best(problem.images, unknown)
        *_, best = problem.repeat(
            self.search_steps,
            try_constant,
            (constant, tf.zeros_like(constant), unknown, nothing),
        )
        return best.images

    def _descend(
        self, problem: AttackProblem, constant: tf.Tensor, best: _Best
    ) -> tuple[_Best, tf.Tensor]:
        """Adam for one constant `[B]`: the best so far, and which images reached the goal."""
        free = self._to_free(problem.images)
        origin = self._to_pixels(free)

        def differentiate(change):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(change)
                images = self._to_pixels(free + change)
                squared_norm = primitives.l2(images, origin)
                values = problem.values(images)
                shortfall = tf.nn.relu(self.goal - values)
                loss = tf.reduce_sum(squared_norm + constant * shortfall)
            return images, squared_norm, values, finite(tape.gradient(loss, change))

        differentiate = problem.not_inlined(differentiate)

        def step(index, change, first, second, success, best):
            images, squared_norm, values, gradient = differentiate(change)
            reached = values > self.goal
            best = best.updated(images, squared_norm, reached)
            direction, first, second = adam_step(gradient, first, second, index=index)
            change -= self.learning_rate * direction
            return change, first, second, success | reached, best

        zeros = tf.zeros_like(free)
        nowhere = tf.zeros_like(constant, tf.bool)
        *_, success, best = problem.repeat(self.steps, step, (zeros, zeros, zeros, nowhere, best))
        return best, success

    def _to_free(self, images: tf.Tensor) -> tf.Tensor:
        lowest, highest = self.pixel_range
        scaled = tf.clip_by_value((images - lowest) / (highest - lowest), 0.0, 1.0)
        # Slightly inside (-1, 1), where atanh is finite.
        return tf.atanh((2.0 * scaled - 1.0) * 0.999999)

    def _to_pixels(self, free: tf.Tensor) -> tf.Tensor:
        return primitives.clip_tanh(free, *self.pixel_range)

    def get_config(self) -> dict:
        config = super().get_config()
        del config["ball"]
        return {
            **config,
            "goal": self.goal,
            "steps": self.steps,
            "search_steps": self.search_steps,
            "initial_constant": self.initial_constant,
            "learning_rate": self.learning_rate,
        }
