"""The balls that perturbations stay in: L-infinity and L2."""

import abc
import numbers

import numpy as np
import tensorflow as tf

from rtml_tf.attacks import cleverhans_primitives as primitives


class Ball(abc.ABC):
    """The set of perturbations `[B, ...]` whose norm is at most epsilon, example by example.

    Balls are stateless; epsilon is handed to every method, so that it may follow a schedule.

    Attributes:
        order: The order of the norm, `np.inf` or 2.
    """

    order: float

    @abc.abstractmethod
    def norm(self, perturbation: tf.Tensor) -> tf.Tensor:
        """The norm of each perturbation: `[B, ...]` -> float32 `[B]`."""

    @abc.abstractmethod
    def random(self, shape: tf.Tensor, epsilon: tf.Tensor, *, seed: tf.Tensor) -> tf.Tensor:
        """Draws uniformly from the ball, as a pure function of `seed` (int32 `[2]`)."""

    @abc.abstractmethod
    def steepest(self, gradient: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """The perturbation of norm `length` along which a function of this gradient rises most.

        Zero where the whole gradient of an example is zero.
        """

    def scaled(self, direction: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """A step of about norm `length` along a direction whose entries are about 1 in size."""
        return self.steepest(direction, length)

    @abc.abstractmethod
    def largest_epsilon(self, pixel_range: tuple[float, float]) -> float:
        """The epsilon above which the ball certainly holds every image (a guard against typos)."""

    def checked_epsilon(self, epsilon: float, pixel_range: tuple[float, float]) -> float:
        """A number as an epsilon of this ball.

        Raises:
            ValueError: If it is negative or above `largest_epsilon`.
        """
        largest = self.largest_epsilon(pixel_range)
        if not 0 <= epsilon <= largest:
            raise ValueError(
                f"epsilon must be in [0, {largest:g}] (pixel units, images in "
                f"{list(pixel_range)}), got {epsilon}."
            )
        return float(epsilon)

    def epsilon_tensor(
        self, epsilon: float | tf.Tensor | tf.Variable, pixel_range: tuple[float, float]
    ) -> tf.Tensor:
        """A number, a scalar tensor or a variable as an epsilon of this ball.

        Returns:
            float32 scalar.

        Raises:
            ValueError: If a number is out of range, or a tensor is not a scalar. A tensor that is
                out of range is an `InvalidArgumentError` when the graph runs.
        """
        if isinstance(epsilon, numbers.Real):
            epsilon = self.checked_epsilon(epsilon, pixel_range)
        epsilon = tf.cast(tf.convert_to_tensor(epsilon), tf.float32)
        if epsilon.shape.rank != 0:
            raise ValueError(f"epsilon must be one number, got the shape {epsilon.shape}.")
        tf.debugging.assert_non_negative(epsilon, message="epsilon must not be negative.")
        largest = self.largest_epsilon(pixel_range)
        tf.debugging.assert_less_equal(
            epsilon,
            tf.constant(largest, tf.float32),
            message=f"epsilon must be at most {largest:g}, in pixel units.",
        )
        return epsilon

    def project(self, candidate: tf.Tensor, images: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        """The image in the ball around `images` that is nearest to `candidate`.

        Adding a perturbation to a pixel rounds, and may round away from the pixel. Here it always
        rounds towards the pixel, so that `|result - images|`, as float32 computes it, is at most
        the clipped perturbation in every pixel. The L-infinity norm is then at most epsilon
        exactly; the L2 norm up to the rounding of the norm itself (1e-6 relative).

        Args:
            candidate: float32 `[B, ...]`.
            images: float32 `[B, ...]`, the clean images.
            epsilon: float32 scalar, not negative.
        """
        clipped = primitives.clip_eta(tf.subtract(candidate, images), self.order, epsilon)
        return _add_rounding_towards(images, clipped)

    def get_config(self) -> dict:
        """The constructor's arguments (none)."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> "Ball":
        """Builds the ball from `get_config()`."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class LInfBall(Ball):
    """No pixel changes by more than epsilon."""

    order = np.inf

    def norm(self, perturbation: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(tf.abs(perturbation), _inner_axes(perturbation))

    def random(self, shape: tf.Tensor, epsilon: tf.Tensor, *, seed: tf.Tensor) -> tf.Tensor:
        # A fixed range scaled afterwards: with epsilon 0 an own range would be empty, an error.
        return epsilon * tf.random.stateless_uniform(shape, seed, minval=-1.0, maxval=1.0)

    def steepest(self, gradient: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        return primitives.optimize_linear(gradient, length, self.order)

    def scaled(self, direction: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        # Unlike their sign, the entries still say how sure each pixel's direction is.
        return length * direction

    def largest_epsilon(self, pixel_range: tuple[float, float]) -> float:
        return pixel_range[1] - pixel_range[0]


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class L2Ball(Ball):
    """The Euclidean length of the perturbation of one image is at most epsilon."""

    order = 2

    def norm(self, perturbation: tf.Tensor) -> tf.Tensor:
        squared = tf.reduce_sum(tf.square(perturbation), _inner_axes(perturbation))
        return tf.sqrt(squared)

    def random(self, shape: tf.Tensor, epsilon: tf.Tensor, *, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.random.experimental.stateless_split(seed, 2)
        direction = tf.random.stateless_normal(shape, seeds[0])
        axes = list(range(1, direction.shape.rank))
        length = tf.sqrt(tf.reduce_sum(tf.square(direction), axes, keepdims=True))
        # The volume within radius r grows as r^dimension: the radius of a uniform draw is the
        # dimension-th root of a uniform number.
        dimension = tf.cast(tf.reduce_prod(shape[1:]), tf.float32)
        radius = tf.random.stateless_uniform(tf.shape(length), seeds[1]) ** (1.0 / dimension)
        return epsilon * radius * tf.math.divide_no_nan(direction, length)

    def steepest(self, gradient: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        # cleverhans shortens the step where the gradient is shorter than 1e-6 and loses it where
        # the squares overflow; bringing the largest entry to 1 first avoids both.
        largest = tf.reduce_max(tf.abs(gradient), _inner_axes(gradient), keepdims=True)
        scaled = tf.math.divide_no_nan(gradient, largest)
        return primitives.optimize_linear(scaled, length, self.order)

    def largest_epsilon(self, pixel_range: tuple[float, float]) -> float:
        # Depends on the number of pixels, which the ball does not know.
        return float("inf")


def _inner_axes(tensor: tf.Tensor) -> list[int]:
    return list(range(1, len(tensor.shape)))


def _add_rounding_towards(images: tf.Tensor, perturbation: tf.Tensor) -> tf.Tensor:
    """`images + perturbation`, rounded towards `images` in every pixel."""
    moved = images + perturbation
    # One or two units in the last place, whichever the exponent of `moved` makes of it.
    unit = tf.abs(moved) * np.finfo(np.float32).eps
    nudged = moved - tf.sign(perturbation) * unit
    # The nudge must not carry a tiny perturbation across the pixel to its other side.
    nudged = tf.where(perturbation > 0, tf.maximum(nudged, images), tf.minimum(nudged, images))
    return tf.where(tf.abs(moved - images) > tf.abs(perturbation), nudged, moved)
