"""Random noise: the search that every attack has to beat."""

from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.ball import Ball
from rtml_tf.attacks.problem import AttackProblem
from rtml_tf.attacks.restarts import best_of_restarts
from rtml_tf.losses import arguments


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RandomNoise(Attack):
    """Draws from the ball; of several draws each image keeps the one of highest value.

    Not an attack to train with but a yardstick: a search that does not beat it has failed, and what
    training on it does as well is not due to the attack.

    Attributes:
        full_size: Whether every draw is as large as epsilon allows.
        restarts: Number of draws.
    """

    needs_gradient = False

    def __init__(
        self,
        *,
        epsilon: float,
        full_size: bool = False,
        restarts: int = 1,
        ball: Ball | None = None,
        pixel_range: Sequence[float] = (0.0, 1.0),
    ):
        """See `Attack` for the other arguments.

        Args:
            full_size: Whether every draw is as large as epsilon allows, as the perturbation of an
                attack in one step is: in L-infinity each pixel goes up or down by epsilon, in L2 a
                random direction has that length. Otherwise draws are uniform in the ball; in
                L-infinity their root mean square is 0.58 epsilon.
            restarts: At least 1.

        Raises:
            ValueError: If `restarts` is below 1.
        """
        super().__init__(epsilon=epsilon, ball=ball, pixel_range=pixel_range)
        self.full_size = bool(full_size)
        self.restarts = arguments.integer_from("restarts", restarts, 1)

    @property
    def is_random(self) -> bool:
        return True

    def _search(self, problem: AttackProblem, seed: tf.Tensor) -> tf.Tensor:
        def draw(draw_seed: tf.Tensor) -> tf.Tensor:
            shape = tf.shape(problem.images)
            if self.full_size:
                direction = tf.random.stateless_normal(shape, draw_seed)
                noise = self.ball.steepest(direction, problem.epsilon)
            else:
                noise = self.ball.random(shape, problem.epsilon, seed=draw_seed)
            return problem.project(problem.images + noise)

        return best_of_restarts(draw, problem, restarts=self.restarts, seed=seed)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "full_size": self.full_size,
            "restarts": self.restarts,
        }
