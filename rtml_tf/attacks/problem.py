"""What one search has to solve: where it may go, and what it shall raise there."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from absl import logging

from rtml_tf.attacks.ball import Ball


class AttackProblem:
    """Raise the value of images that stay within epsilon of the clean ones.

    The problem puts together what every search needs, so that a search is only its update rule.
    All arithmetic on pixels and values is float32, whatever the network computes in.

    Attributes:
        images: float32 `[B, ...]`, the clean images.
        epsilon: float32 scalar, or None if the perturbation is not bounded.
        ball: The norm in which epsilon is measured.
        pixel_range: `(lowest, highest)` value of a valid pixel.
        spans_replicas: Whether replicas exchange embeddings where values are computed.
    """

    def __init__(
        self,
        *,
        network: Callable[[tf.Tensor], tf.Tensor],
        objective: Callable[[tf.Tensor], tf.Tensor],
        images: tf.Tensor,
        epsilon: tf.Tensor | None,
        ball: Ball,
        pixel_range: tuple[float, float],
        spans_replicas: bool = False,
    ):
        """Keeps its arguments; nothing is computed.

        Args:
            network: Images `[B, ...]` -> embeddings `[B, D]`, without side effects.
            objective: Embeddings `[B, D]` -> values to raise, `[B]`, or a scalar for the batch.
            images: float32 `[B, ...]`, inside `pixel_range`.
            epsilon: float32 scalar, not negative, in pixel units; None leaves the ball out.
            ball: The norm of the perturbation.
            pixel_range: `(lowest, highest)` value of a valid pixel.
            spans_replicas: Whether replicas exchange embeddings where `objective` is called, which
                they can in the outermost graph alone.
        """
        self.images = images
        self.epsilon = epsilon
        self.ball = ball
        self.pixel_range = pixel_range
        self._network = network
        self._objective = objective
        self.spans_replicas = spans_replicas
        self._gradient = self.not_inlined(self._gradient_of_values)

    def values(self, images: tf.Tensor) -> tf.Tensor:
        """The value of each image, float32 `[B]`; one number for all where it is the batch's."""
        return self._per_example(self._objective(self._embed(images)))

    def value_differences(self, images: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        """`values(images) - values(others)`, `[B]`, in one pass of 2B rows through the network."""
        embeddings = self._embed(tf.concat([images, others], axis=0))
        first, second = tf.split(embeddings, 2, axis=0)
        return self._per_example(self._objective(first) - self._objective(second))

    def gradient(self, images: tf.Tensor) -> tf.Tensor:
        """The gradient of the summed values, float32 `[B, ...]`, made finite.

        Images do not influence each other in inference mode, so each gets the gradient of its own
        value, except under an objective of the whole batch. Where no gradient can come, because
        something between images and values has none, it is 0, and a warning says so.
        """
        return self._gradient(images)

    def repeat(
        self, steps: int, body: Callable[..., tuple[Any, ...]], state: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """The state after `steps` times `state = body(index, *state)`, as one loop of the graph.

        Args:
            steps: How often.
            body: Takes the index, an int32 scalar from 0, and the state.
            state: Nested tensors, before the first step.
        """
        if self.spans_replicas:
            for index in range(steps):
                state = body(tf.constant(index), *state)
            return state
        _, *state = tf.while_loop(
            lambda index, *_: index < steps,
            lambda index, *state: (index + 1, *body(index, *state)),
            (tf.constant(0), *state),
            parallel_iterations=1,
        )
        return tuple(state)

    def not_inlined(self, function: Callable) -> Callable:
        """`function` as a graph of its own, which the surrounding graph calls but does not absorb.

        For the pass through the network in a loop: absorbed into a loop, whose graph is a cycle,
        operations may be visited in an order in which oneDNN does not find its fast max-pooling
        gradient (a quarter more time for a bfloat16 ResNet-18 on a CPU). Eagerly there is no graph
        to keep apart, and with `spans_replicas` no loop: the function is returned as it is.
        """
        if tf.executing_eagerly() or self.spans_replicas:
            return function
        return tf.function(function, autograph=False, experimental_attributes={"_noinline": True})

    def clip_pixels(self, candidate: tf.Tensor) -> tf.Tensor:
        """`candidate` with every pixel brought into the valid range."""
        return tf.clip_by_value(candidate, self.pixel_range[0], self.pixel_range[1])

    def project(self, candidate: tf.Tensor) -> tf.Tensor:
        """`candidate` brought into the ball around the clean images and into the valid range.

        Clipping pixels moves them towards the clean ones (which are valid), so the result is still
        in the ball.
        """
        if self.epsilon is not None:
            candidate = self.ball.project(candidate, self.images, self.epsilon)
        return tf.ensure_shape(self.clip_pixels(candidate), self.images.shape)

    def _gradient_of_values(self, images: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            value = tf.reduce_sum(self._objective(self._embed(images)))
        gradient = tape.gradient(value, images)
        if gradient is None:
            logging.warning(
                "The network passes no gradient to its images (local binary patterns and rounding "
                "have none): a search by gradient finds nothing and says nothing of robustness. "
                "Attack another network in its place (a surrogate), or search without gradients "
                "(SPSA)."
            )
            return tf.zeros_like(images)
        return finite(gradient)

    def _embed(self, images: tf.Tensor) -> tf.Tensor:
        return tf.cast(self._network(images), tf.float32)

    def _per_example(self, value: tf.Tensor) -> tf.Tensor:
        return tf.broadcast_to(tf.cast(value, tf.float32), tf.shape(self.images)[:1])


def finite(gradient: tf.Tensor) -> tf.Tensor:
    """`gradient` with NaN replaced by 0 and infinities by the largest numbers of their sign."""
    largest = gradient.dtype.max
    gradient = tf.where(tf.math.is_nan(gradient), tf.zeros_like(gradient), gradient)
    return tf.clip_by_value(gradient, -largest, largest)
