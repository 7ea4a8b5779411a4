"""The momentum iterative method, whose examples transfer better to other networks."""

from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.attacks.ball import Ball
from rtml_tf.attacks.iterative_attack import IterativeAttack, State
from rtml_tf.attacks.problem import AttackProblem


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class MomentumIterativeMethod(IterativeAttack):
    """Steps along a running sum of gradients, `g <- decay g + gradient / mean |gradient|`.

    Source: MI-FGSM, Dong et al. (2018), algorithm 1; as cleverhans does, the mean of the absolute
    gradient stands for its L1 norm (the same up to a factor that the step does not see). Step size
    `epsilon / steps` by default.

    Attributes:
        decay: Factor of the old sum, mu in the paper; 0 gives the basic iterative method.
    """

    def __init__(
        self,
        *,
        epsilon: float,
        steps: int,
        decay: float = 1.0,
        step_size: float | None = None,
        relative_step_size: float | None = None,
        random_start: bool = False,
        start_radius: float | None = None,
        restarts: int = 1,
        ball: Ball | None = None,
        pixel_range: Sequence[float] = (0.0, 1.0),
    ):
        """See `IterativeAttack` for the other arguments.

        Args:
            decay: At least 0.

        Raises:
            ValueError: If `decay` is negative.
        """
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
        if not decay >= 0:
            raise ValueError(f"decay must be at least 0, got {decay}.")
        self.decay = float(decay)

    def _initial_state(self, images: tf.Tensor) -> State:
        return (tf.zeros_like(images),)

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
        (momentum,) = state
        gradient = problem.gradient(images)
        inner_axes = list(range(1, images.shape.rank))
        size = tf.reduce_mean(tf.abs(gradient), inner_axes, keepdims=True)
        momentum = self.decay * momentum + tf.math.divide_no_nan(gradient, size)
        return images + self.ball.steepest(momentum, length), (momentum,)

    def get_config(self) -> dict:
        return {**super().get_config(), "decay": self.decay}
