"""SPSA: a search that needs no gradients, only values."""

from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.attacks.adam import adam_step
from rtml_tf.attacks.ball import Ball
from rtml_tf.attacks.iterative_attack import IterativeAttack, State
from rtml_tf.attacks.problem import AttackProblem, finite
from rtml_tf.losses import arguments


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class SPSA(IterativeAttack):
    """Estimates gradients from random pairs of neighbours and follows them with Adam.

    Simultaneous perturbation stochastic approximation as an attack: Uesato et al. (2018), section
    4. With random signs `s_k` the gradient is estimated as
    `mean_k (v(x + delta s_k) - v(x - delta s_k)) / (2 delta) s_k`. It does not see how the network
    computes, so where it beats a gradient attack, gradients are masked. A step costs `2 samples`
    passes forward, `2 B` rows at a time; the network is never differentiated.

    Attributes:
        samples: Number of pairs for one estimate.
        delta: Distance of the neighbours, in pixel units.
    """

    needs_gradient = False

    def __init__(
        self,
        *,
        epsilon: float,
        steps: int,
        samples: int = 64,
        delta: float = 0.01,
        step_size: float | None = None,
        relative_step_size: float | None = None,
        random_start: bool = True,
        start_radius: float | None = None,
        restarts: int = 1,
        ball: Ball | None = None,
        pixel_range: Sequence[float] = (0.0, 1.0),
    ):
        """See `IterativeAttack` for the other arguments.

        Args:
            samples: At least 1.
            delta: Above 0. The neighbours may leave the pixel range and the ball.
            step_size: Adam's learning rate, in pixel units (L2: the length of a step);
                `min(1, 2.5 / steps) epsilon` by default.

        Raises:
            ValueError: If `samples` or `delta` is outside its range.
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
        self.samples = arguments.integer_from("samples", samples, 1)
        self.delta = arguments.positive("delta", delta)

    @property
    def is_random(self) -> bool:
        return True

    def _initial_state(self, images: tf.Tensor) -> State:
        return tf.zeros_like(images), tf.zeros_like(images)

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
        gradient = self._estimated_gradient(problem, images, seed)
        direction, *state = adam_step(gradient, *state, index=index)
        return images + self.ball.scaled(direction, length), tuple(state)

    def _estimated_gradient(
        self, problem: AttackProblem, images: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        inner = [1] * (images.shape.rank - 1)

        def add_pair(index: tf.Tensor, total: tf.Tensor):
            pair_seed = tf.random.experimental.stateless_fold_in(seed, index)
            heads = tf.random.stateless_uniform(tf.shape(images), pair_seed) < 0.5
            signs = tf.where(heads, 1.0, -1.0)
            rise = problem.value_differences(
                images + self.delta * signs, images - self.delta * signs
            )
            return (total + tf.reshape(rise, [-1, *inner]) * signs,)

        # A loop over pairs rather than one large batch keeps the memory at that of 2B rows.
        (total,) = problem.repeat(self.samples, add_pair, (tf.zeros_like(images),))
        return finite(total / (2.0 * self.delta * self.samples))

    def _default_relative_step_size(self) -> float:
        return min(1.0, 2.5 / self.steps)

    def get_config(self) -> dict:
        return {**super().get_config(), "samples": self.samples, "delta": self.delta}
