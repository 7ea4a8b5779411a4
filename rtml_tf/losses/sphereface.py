"""SphereFace: the angle times a margin, eased in by annealing (Liu et al., CVPR 2017)."""

import math
from typing import Any

import tensorflow as tf

from rtml_tf.losses import arguments
from rtml_tf.losses.margin_softmax import MarginSoftmaxLoss


def multiplicative_angular_margin(cosine: tf.Tensor, margin: int) -> tf.Tensor:
    """psi(angle), the falling continuation of `cos(margin * angle)` to all angles in [0, pi].

    `(-1)^k cos(margin * angle) - 2k` for angles in `[k pi / margin, (k + 1) pi / margin]` (Liu et
    al. 2017, section 3.2). The cosine of the multiple is a Chebyshev polynomial of the cosine and
    k comes from comparing cosines, so that no arccosine and none of its unbounded slope is needed.

    Args:
        cosine: float32, any shape, in [-1, 1] up to rounding.
        margin: Integer of at least 1; 1 gives the cosine back.

    Returns:
        float32 of the same shape, from 1 at angle 0 down to `1 - 2 margin` at angle pi.
    """
    before, multiple = tf.ones_like(cosine), cosine  # cos(0 angle), cos(1 angle)
    for _ in range(margin - 1):
        before, multiple = multiple, 2.0 * cosine * multiple - before
    k = tf.zeros_like(cosine)
    for border in range(1, margin):
        k += tf.cast(cosine < math.cos(border * math.pi / margin), cosine.dtype)
    sign = 1.0 - 2.0 * tf.math.floormod(k, 2.0)
    return sign * multiple - 2.0 * k


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class SphereFaceLoss(MarginSoftmaxLoss):
    """Margin times the angle: `psi(angle)`, mixed with the plain cosine while it is annealed.

    The true class's cosine is replaced by `(weight * cosine + psi(angle)) / (1 + weight)` with

        weight = max(min_weight, base * (1 + gamma * step)^-power)

    from plain softmax towards the margin; the defaults are those of the authors' code (there
    lambda, lambda_min). Each training step's `update_state` counts `step` up; it is a variable
    and so part of checkpoints. The paper leaves embeddings at their own lengths; here they have
    length 1 and `scale` takes that place.

    Attributes:
        margin: Integer m of the paper.
        scale: What the cosines are multiplied by.
        base, gamma, power, min_weight: The annealing. `base = min_weight = 0` turns it off.
        step: int64 scalar variable, created by the first call.
    """

    def __init__(
        self,
        *,
        num_classes: int | None = None,
        margin: int = 4,
        scale: float = 30.0,
        base: float = 1000.0,
        gamma: float = 0.12,
        power: float = 1.0,
        min_weight: float = 5.0,
        name: str | None = None,
    ):
        """Checks and keeps the constants.

        Raises:
            ValueError: If a constant is outside its range.
        """
        super().__init__(num_classes=num_classes, scale=scale, name=name)
        self.margin = arguments.integer_from("margin", margin, 1)
        self.base = arguments.non_negative("base", base)
        self.gamma = arguments.non_negative("gamma", gamma)
        self.power = arguments.non_negative("power", power)
        self.min_weight = arguments.non_negative("min_weight", min_weight)

    def build(self, input_shape: tf.TensorShape) -> None:
        self.step = self.add_weight(
            name="step",
            shape=(),
            dtype=tf.int64,
            initializer="zeros",
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        super().build(input_shape)

    def annealing_weight(self) -> tf.Tensor:
        """The weight of the plain cosine at the current step, a float32 scalar of at least 0."""
        step = tf.cast(self.step, tf.float32)
        return tf.maximum(self.min_weight, self.base * (1.0 + self.gamma * step) ** -self.power)

    def with_margin(self, cosine: tf.Tensor) -> tf.Tensor:
        weight = self.annealing_weight()
        psi = multiplicative_angular_margin(cosine, self.margin)
        return (weight * cosine + psi) / (1.0 + weight)

    def update_state(self, embeddings: tf.Tensor, labels: tf.Tensor) -> None:
        self.require_built()
        self.step.assign_add(1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "margin": self.margin,
            "base": self.base,
            "gamma": self.gamma,
            "power": self.power,
            "min_weight": self.min_weight,
        }
