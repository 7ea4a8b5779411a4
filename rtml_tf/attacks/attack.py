"""The interface of every attack: how to search, apart from what to search for."""

import abc
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from rtml_tf.attacks.ball import Ball, LInfBall
from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.attacks.objective import Objective
from rtml_tf.attacks.problem import AttackProblem
from rtml_tf.layers.replicas import num_replicas

Network = Callable[[tf.Tensor], tf.Tensor]

_ROUNDING = 1e-3


class Attack(abc.ABC):
    """A search for the perturbed images of a batch that raise an objective most.

    An attack is made of TensorFlow operations only and works eagerly or as part of a `tf.function`,
    whose graph does not grow with the number of steps (unless the objective spans replicas). It
    sees the network in inference mode and changes no state. Call it outside the tape of a training
    step; the result carries no gradient.

    A subclass overrides `_search`, `is_random` where it draws random numbers, and `get_config`.

    Attributes:
        needs_gradient: Whether the search follows gradients of the network.
        leaves_clean_images: Whether it asks for values or gradients at images that it has moved.
        epsilon: Largest norm of a perturbation, in pixel units (images in [0, 1]); None where an
            attack allows an unbounded one.
        ball: The norm in which epsilon is measured.
        pixel_range: `(lowest, highest)` value of a valid pixel.
    """

    needs_gradient = True
    leaves_clean_images = True
    _may_be_unbounded = False

    def __init__(
        self,
        *,
        epsilon: float | None,
        ball: Ball | None = None,
        pixel_range: Sequence[float] = (0.0, 1.0),
    ):
        """Checks and keeps what all attacks have in common.

        Args:
            epsilon: Largest norm of a perturbation, in pixel units.
            ball: `LInfBall()` (default) or `L2Ball()`.
            pixel_range: `(lowest, highest)` value of a valid pixel.

        Raises:
            ValueError: If the range is empty, or epsilon negative or larger than it.
        """
        if len(pixel_range) != 2 or not pixel_range[0] < pixel_range[1]:
            raise ValueError(
                f"pixel_range must be (lowest, highest) with lowest < highest, got {pixel_range}."
            )
        self.ball = LInfBall() if ball is None else ball
        self.pixel_range = (float(pixel_range[0]), float(pixel_range[1]))
        if epsilon is None and not self._may_be_unbounded:
            raise ValueError("epsilon must be a number, got None.")
        if epsilon is not None:
            epsilon = self.ball.checked_epsilon(epsilon, self.pixel_range)
        self.epsilon = epsilon

    @property
    def is_random(self) -> bool:
        """Whether the search depends on a seed."""
        return False

    def check_objective(self, objective: Objective) -> None:
        """Refuses an objective that this search cannot raise.

        Raises:
            ValueError: If it is right at clean images alone and the search leaves them.
        """
        if objective.at_clean_images_only and self.leaves_clean_images:
            raise ValueError(
                f"{type(objective).__name__}, as it is set, is right at clean images alone and "
                f"needs a FastGradientMethod, got {self!r}."
            )

    def check_unseeded(self, objective: Objective) -> None:
        """Refuses to go on without a seed where something is drawn.

        Raises:
            ValueError: If the search or the objective is random.
        """
        for part in (self, objective):
            if part.is_random:
                raise ValueError(
                    f"{type(part).__name__} draws random numbers: seed must be int32 [2], got None."
                )

    def __call__(
        self,
        network: Network,
        batch: Mapping[str, tf.Tensor],
        objective: Objective,
        *,
        epsilon: float | tf.Tensor | tf.Variable | None = None,
        seed: tf.Tensor | Sequence[int] | None = None,
    ) -> tf.Tensor:
        """Attacks one batch.

        Args:
            network: A Keras network (called with `training=False`), an `InferenceView` of one, or
                any function from images `[B, ...]` to embeddings `[B, D]` without side effects.
            batch: `"image"` `[B, ...]`, inside the pixel range, and what the objective reads.
            objective: What to raise.
            epsilon: Replaces the attack's own, as a number or a scalar tensor or variable.
            seed: int32 `[2]`; the result is a pure function of it. Must be given where the attack
                or the objective is random.

        Returns:
            float32 images of the same shape, in the ball around `batch["image"]` and in the range.

        Raises:
            ValueError: If there is no seed and one is needed, the objective cannot be raised by
                this search, `batch` lacks an entry or its images are integers.
            InvalidArgumentError: If a pixel is outside `pixel_range`.
        """
        self.check_objective(objective)
        if seed is None:
            self.check_unseeded(objective)
            seed = (0, 0)
        if "image" not in batch:
            raise ValueError(f'batch must have an entry "image", got {sorted(batch)}.')
        images = tf.convert_to_tensor(batch["image"])
        if not images.dtype.is_floating:
            raise ValueError(
                f'batch["image"] must be floating, with pixels in {list(self.pixel_range)}, got '
                f"{images.dtype.name}."
            )
        seed = tf.cast(tf.convert_to_tensor(seed), tf.int32)
        seeds = tf.random.experimental.stateless_split(seed, 2)
        network = inference_function(network)
        problem = AttackProblem(
            network=network,
            objective=objective.prepare(network, batch, seed=seeds[0]),
            images=self.checked_pixels(tf.cast(images, tf.float32)),
            epsilon=self.epsilon_tensor(epsilon),
            ball=self.ball,
            pixel_range=self.pixel_range,
            spans_replicas=objective.spans_replicas and num_replicas() > 1,
        )
        return tf.stop_gradient(problem.project(self._search(problem, seeds[1])))

    def checked_pixels(self, images: tf.Tensor) -> tf.Tensor:
        """The images, if all pixels are in range, give or take the rounding of a resize.

        To bring others into the range would move them further than epsilon. NaN passes: a training
        step that meets it is skipped.

        Raises:
            InvalidArgumentError: If a pixel is outside `pixel_range`; when the graph runs.
        """
        lowest, highest = self.pixel_range
        outside = tf.reduce_any((images < lowest - _ROUNDING) | (images > highest + _ROUNDING))
        message = (
            f"Images under attack must have pixels in {list(self.pixel_range)} (pixel_range), got"
        )
        got = [message, tf.reduce_min(images), "to", tf.reduce_max(images)]
        with tf.control_dependencies([tf.debugging.Assert(~outside, got)]):
            return tf.identity(images)

    @abc.abstractmethod
    def _search(self, problem: AttackProblem, seed: tf.Tensor) -> tf.Tensor:
        """The images found, `[B, ...]`; they are projected once more afterwards."""

    def replace(self, **changes: Any) -> "Attack":
        """A copy of this attack with some constructor arguments changed."""
        return type(self).from_config({**self.get_config(), **changes})

    def get_config(self) -> dict:
        """The constructor's arguments, as Keras serialises them."""
        return {
            "epsilon": self.epsilon,
            "ball": tf.keras.saving.serialize_keras_object(self.ball),
            "pixel_range": list(self.pixel_range),
        }

    @classmethod
    def from_config(cls, config: dict) -> "Attack":
        """Builds the attack from `get_config()`."""
        config = dict(config)
        if isinstance(config.get("ball"), Mapping):
            config["ball"] = tf.keras.saving.deserialize_keras_object(config["ball"])
        return cls(**config)

    def __repr__(self) -> str:
        config = {**self.get_config(), "ball": self.ball}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in config.items())})"

    def epsilon_tensor(
        self, epsilon: float | tf.Tensor | tf.Variable | None = None
    ) -> tf.Tensor | None:
        """The epsilon in use: the given one, else the attack's own; None if it is unbounded.

        Args:
            epsilon: A number, a scalar tensor or a variable, in pixel units.

        Returns:
            float32 scalar, or None.

        Raises:
            ValueError: If a number is out of range, or a tensor is not a scalar. A tensor that is
                out of range is an `InvalidArgumentError` when the graph runs.
        """
        if epsilon is None:
            epsilon = self.epsilon
        return None if epsilon is None else self.ball.epsilon_tensor(epsilon, self.pixel_range)


def inference_function(network: Network) -> Network:
    """The function from images to embeddings that `network` is in inference mode."""
    if isinstance(network, InferenceView):
        return network.at_current_weights()
    if isinstance(network, tf.keras.layers.Layer):
        return functools.partial(network, training=False)
    return network
