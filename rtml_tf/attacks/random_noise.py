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
    """Draws uniformly from the ball; of several draws each image keeps the one of highest value.

    Not an attack to train with but a yardstick: a search that does not beat it has failed.

    Attributes:
        restarts: Number of draws.
    """

    def __init__(
        self,
        *,
        epsilon: float,
        restarts: int = 1,
        ball: Ball | None = None,
        pixel_range: Sequence[float] = (0.0, 1.0),
    ):
        """See `Attack` for the other arguments.

        Args:
            restarts: At least 1.

        Raises:
            ValueError: If `restarts` is below 1.
        """
        super().__init__(epsilon=epsilon, ball=ball, pixel_range=pixel_range)
        self.restarts = arguments.integer_from("restarts", restarts, 1)

    @property
    def is_random(self) -> bool:
        return True

    def _search(self, problem: AttackProblem, seed: tf.Tensor) -> tf.Tensor:
        def draw(draw_seed: tf.Tensor) -> tf.Tensor:
            noise = self.ball.random(tf.shape(problem.images), problem.epsilon, seed=draw_seed)
            return problem.project(problem.images + noise)

        return best_of_restarts(draw, problem, restarts=self.restarts, seed=seed)

    def get_config(self) -> dict:
        return {**super().get_config(), "restarts": self.restarts}
