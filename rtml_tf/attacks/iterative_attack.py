"""The template of all attacks that take steps along some direction."""

import abc
from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.ball import Ball
from rtml_tf.attacks.problem import AttackProblem
from rtml_tf.attacks.restarts import best_of_restarts
from rtml_tf.losses import arguments

State = tuple[tf.Tensor, ...]


class IterativeAttack(Attack):
    """Start, then repeat: step, project; best of several random starts.

    The steps are one loop of the graph. A subclass overrides `_step`, and where it needs them
    `_initial_state` (tensors carried from step to step) and `_default_relative_step_size`.

    Attributes:
        steps: Number of steps.
        step_size: Length of a step in pixel units, or None.
        relative_step_size: Length of a step as a multiple of epsilon, or None.
        random_start: Whether a search starts at a random point of the ball.
        start_radius: Radius of the ball that random starts are drawn from, in pixel units; None
            for epsilon. A start is always brought into the epsilon ball.
        restarts: Number of searches; each image keeps its best result.
    """

    def __init__(
        self,
        *,
        epsilon: float,
        steps: int,
        step_size: float | None = None,
        relative_step_size: float | None = None,
        random_start: bool,
        start_radius: float | None = None,
        restarts: int = 1,
        ball: Ball | None = None,
        pixel_range: Sequence[float] = (0.0, 1.0),
    ):
        """Checks and keeps its arguments.

        Args:
            epsilon: Largest norm of a perturbation, in pixel units.
            steps: At least 1.
            step_size: Length of a step in pixel units, above 0.
            relative_step_size: Length of a step as a multiple of epsilon, above 0; it follows an
                epsilon that changes. At most one of the two may be given.
            random_start: Whether a search starts at a random point of the ball.
            start_radius: See the attribute; at least 0.
            restarts: At least 1; more than 1 only if the attack is random.
            ball: `LInfBall()` (default) or `L2Ball()`.
            pixel_range: `(lowest, highest)` value of a valid pixel.

        Raises:
            ValueError: If an argument is outside the range given here.
        """
        super().__init__(epsilon=epsilon, ball=ball, pixel_range=pixel_range)
        if step_size is not None and relative_step_size is not None:
            raise ValueError(
                "step_size and relative_step_size exclude each other, got "
                f"{step_size} and {relative_step_size}."
            )
        for name, value in (("step_size", step_size), ("relative_step_size", relative_step_size)):
            if value is not None:
                arguments.positive(name, value)
        if start_radius is not None and not (start_radius >= 0 and random_start):
            raise ValueError(
                "start_radius must be at least 0 and needs random_start=True, got "
                f"{start_radius} with random_start={random_start}."
            )
        self.steps = arguments.integer_from("steps", steps, 1)
        self.step_size = step_size
        self.relative_step_size = relative_step_size
        self.random_start = bool(random_start)
        self.start_radius = start_radius
        self.restarts = arguments.integer_from("restarts", restarts, 1)
        if self.restarts > 1 and not self.is_random:
            raise ValueError(
                "restarts must be 1 without a random start (all would be the same), got "
                f"{restarts}."
            )

    @property
    def is_random(self) -> bool:
        return self.random_start

    @abc.abstractmethod
    def _step(
        self,
        problem: AttackProblem,
        images: tf.Tensor,
        state: State,
        *,
        index: tf.Tensor,
        length: tf.Tensor,
        seed: tf.Tensor,
    ) -> tuple[tf.Tensor, State]:
        """One step, before the projection.

        Args:
            problem: Gives gradients and values.
            images: float32 `[B, ...]`, where the search stands.
            state: What `_initial_state` or the step before returned.
            index: int32 scalar, the number of the step from 0.
            length: float32 scalar, the step size in pixel units.
            seed: int32 `[2]`, another one at every step.

        Returns:
            The moved images (they need not be in the ball) and the new state.
        """

    def _initial_state(self, images: tf.Tensor) -> State:
        """The state before the first step: a tuple of tensors."""
        return ()

    def _default_relative_step_size(self) -> float:
        """The relative step size where none was given."""
        return 1.0 / self.steps

    def _search(self, problem: AttackProblem, seed: tf.Tensor) -> tf.Tensor:
        return best_of_restarts(
            lambda restart_seed: self._run(problem, restart_seed),
            problem,
            restarts=self.restarts,
            seed=seed,
        )

    def _run(self, problem: AttackProblem, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.random.experimental.stateless_split(seed, 2)
        length = self._step_length(problem.epsilon)

        def step(index: tf.Tensor, images: tf.Tensor, state: State):
            step_seed = tf.random.experimental.stateless_fold_in(seeds[1], index)
            moved, state = self._step(
                problem, images, state, index=index, length=length, seed=step_seed
            )
            return problem.project(moved), state

        start = self._start(problem, seeds[0])
        images, _ = problem.repeat(self.steps, step, (start, self._initial_state(start)))
        return images

    def _start(self, problem: AttackProblem, seed: tf.Tensor) -> tf.Tensor:
        if not self.random_start:
            return problem.images
        radius = problem.epsilon if self.start_radius is None else self.start_radius
        start = self.ball.random(tf.shape(problem.images), radius, seed=seed)
        return problem.project(problem.images + start)

    def _step_length(self, epsilon: tf.Tensor) -> tf.Tensor:
        if self.step_size is not None:
            return tf.constant(self.step_size, tf.float32)
        relative = self.relative_step_size
        return epsilon * (self._default_relative_step_size() if relative is None else relative)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "steps": self.steps,
            "step_size": self.step_size,
            "relative_step_size": self.relative_step_size,
            "random_start": self.random_start,
            "start_radius": self.start_radius,
            "restarts": self.restarts,
        }
