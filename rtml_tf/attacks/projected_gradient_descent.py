"""Projected gradient descent, and the basic iterative method as its plain form."""

from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.attacks.ball import Ball
from rtml_tf.attacks.iterative_attack import IterativeAttack, State
from rtml_tf.attacks.problem import AttackProblem


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class ProjectedGradientDescent(IterativeAttack):
    """Repeats a step of steepest ascent and the projection on the ball, from a random start.

    Source: PGD, Madry et al. (2018), section 2.1. Steps have the sign of the gradient (L-infinity)
    or its direction (L2). The step size is `2.5 epsilon / steps`, at most epsilon, where none is
    given, so that a search can cross the ball from any start.
    """

    def __init__(
        self,
        *,
        epsilon: float,
        steps: int,
        step_size: float | None = None,
        relative_step_size: float | None = None,
        random_start: bool = True,
        start_radius: float | None = None,
        restarts: int = 1,
        ball: Ball | None = None,
        pixel_range: Sequence[float] = (0.0, 1.0),
    ):
        """See `IterativeAttack`; only the default of `random_start` is its own."""
        super().__init__(
            epsilon=epsilon,
            steps=steps,
            step_size=step_size,
            relative_step_size=relative_step_size,
            random_start=random_start,
            start_radius=start_radius,
            restarts=restarts,
            ball=ball,
            pixel_range=pixel_range,
        )

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
        moved = images + self.ball.steepest(problem.gradient(images), length)
        # What leaves the pixel range is cut off before the projection: in the L2 ball its share
        # of epsilon is then free for the other pixels.
        return problem.clip_pixels(moved), state

    def _default_relative_step_size(self) -> float:
        return min(1.0, 2.5 / self.steps)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class BasicIterativeMethod(ProjectedGradientDescent):
    """Projected gradient descent from the clean image, in steps of `epsilon / steps` by default.

    Source: Kurakin, Goodfellow and Bengio (2017), section 2.2.
    """

    def __init__(
        self,
        *,
        epsilon: float,
        steps: int,
        step_size: float | None = None,
        relative_step_size: float | None = None,
        ball: Ball | None = None,
        pixel_range: Sequence[float] = (0.0, 1.0),
    ):
        """See `IterativeAttack`; without random start there are no restarts."""
        super().__init__(
            epsilon=epsilon,
            steps=steps,
            step_size=step_size,
            relative_step_size=relative_step_size,
            random_start=False,
            ball=ball,
            pixel_range=pixel_range,
        )

    def _default_relative_step_size(self) -> float:
        return 1.0 / self.steps

    def get_config(self) -> dict:
        config = super().get_config()
        for fixed in ("random_start", "start_radius", "restarts"):
            del config[fixed]
        return config
