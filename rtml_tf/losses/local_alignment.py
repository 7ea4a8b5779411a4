"""Where two classifiers disagree, and how much an adversary counts there (CLAN)."""

from typing import Any

import tensorflow as tf

from rtml_tf.layers.replicas import mean_over_replicas
from rtml_tf.losses import arguments


def local_alignment_map(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """`M = 1 - cos(softmax(p1), softmax(p2))`, for each pixel of each image of the batch.

    Luo et al., CVPR 2019, section 3.3. Computed as `|u1 - u2|^2 / 2` of the normalised vectors,
    which is the same and keeps its digits where the classifiers nearly agree.

    Args:
        first: Logits of the first classifier, floating `[B, ..., K]`.
        second: Logits of the second, of the same shape.

    Returns:
        float32 `[B, ...]` in [0, 1]: 0 where both agree.
    """
    first, second = (
        tf.math.l2_normalize(tf.nn.softmax(tf.cast(logits, tf.float32)), axis=-1)
        for logits in (first, second)
    )
    return 0.5 * tf.reduce_sum(tf.math.squared_difference(first, second), axis=-1)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class CategoryWeights:
    """The category-adaptive weight of the adversarial loss: `lambda_local M + epsilon`.

    What both classifiers agree on is already aligned and is moved little; where they disagree the
    adversary counts in full.

    The published code differentiates through M, so that the generator can also lower its loss by
    making both classifiers agree. On small networks it does little else: `detached` stops that.
    M is then near 0.004 and `epsilon` is nearly all of the weight: `scaled` divides M by its mean
    over the batch, so that its mean is 1 whatever its size, and `lambda_local` and `epsilon` are
    what they seem.

    Attributes:
        lambda_local: Weight of M; the paper's are 40 (GTA5) and 10 (SYNTHIA), for M as it is.
        epsilon: Weight where both classifiers agree.
        scaled: Whether M is divided by its mean, over all replicas.
        detached: Whether no gradient goes through M.
        warm_up_steps: Steps in which all weights are 1, for classifiers that know little yet.
    """

    def __init__(
        self,
        *,
        lambda_local: float = 40.0,
        epsilon: float = 0.4,
        scaled: bool = False,
        detached: bool = True,
        warm_up_steps: int = 0,
    ):
        """Takes the constants.

        Raises:
            ValueError: If one of them is negative.
        """
        self.lambda_local = arguments.non_negative("lambda_local", lambda_local)
        self.epsilon = arguments.non_negative("epsilon", epsilon)
        self.scaled = bool(scaled)
        self.detached = bool(detached)
        self.warm_up_steps = arguments.integer_from("warm_up_steps", warm_up_steps, 0)

    def __call__(
        self, first: tf.Tensor, second: tf.Tensor, step: int | tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The weights at a step, and the map that they come from.

        Args:
            first: Logits of the first classifier, floating `[B, ..., K]`.
            second: Logits of the second, of the same shape.
            step: Steps so far.

        Returns:
            Weights and M, both float32 `[B, ...]`.
        """
        alignment = local_alignment_map(first, second)
        disagreement = tf.stop_gradient(alignment) if self.detached else alignment
        if self.scaled:
            mean = mean_over_replicas(tf.reduce_mean(alignment))
            disagreement = tf.math.divide_no_nan(disagreement, mean)
        weights = self.lambda_local * disagreement + self.epsilon
        if self.warm_up_steps:
            weights = tf.where(step < self.warm_up_steps, tf.ones_like(weights), weights)
        return weights, alignment

    def get_config(self) -> dict[str, Any]:
        return {
            "lambda_local": self.lambda_local,
            "epsilon": self.epsilon,
            "scaled": self.scaled,
            "detached": self.detached,
            "warm_up_steps": self.warm_up_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "CategoryWeights":
        return cls(**config)


def checked_category_weights(value: CategoryWeights | None) -> CategoryWeights | None:
    """Returns `value`.

    Raises:
        ValueError: If it is neither `CategoryWeights` nor None.
    """
    if value is not None and not isinstance(value, CategoryWeights):
        raise ValueError(f"category_weights must be CategoryWeights or None, got {value!r}.")
    return value


def weights_and_alignment(
    category_weights: CategoryWeights | None,
    first: tf.Tensor,
    second: tf.Tensor,
    step: int | tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """What `CategoryWeights` gives; without them all weights are 1."""
    if category_weights is None:
        alignment = local_alignment_map(first, second)
        return tf.ones_like(alignment), alignment
    return category_weights(first, second, step)
