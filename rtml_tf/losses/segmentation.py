"""Losses of a class for each pixel: cross-entropy and focal loss."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from rtml_tf.layers.replicas import mean_over_replicas
from rtml_tf.losses import arguments

# What keeps the derivative of (1 - p)^gamma finite where p is 1.
_SMALLEST = 1e-7


def pixel_cross_entropy(
    logits: tf.Tensor,
    mask: tf.Tensor,
    *,
    ignore_value: int = 255,
    class_weights: Sequence[float] | None = None,
) -> tf.Tensor:
    """The mean cross-entropy of the pixels that have a class: `focal_loss` with `gamma` 0."""
    return focal_loss(
        logits, mask, gamma=0.0, ignore_value=ignore_value, class_weights=class_weights
    )


def focal_loss(
    logits: tf.Tensor,
    mask: tf.Tensor,
    *,
    gamma: float = 2.0,
    ignore_value: int = 255,
    class_weights: Sequence[float] | None = None,
) -> tf.Tensor:
    """The mean of `-w_y (1 - p_y)^gamma log p_y` over the pixels that have a class y.

    Lin et al., ICCV 2017, equation 5. The mean is over all pixels of the batch, weighted by `w_y`:
    a sum over pixels divided by the sum of their weights. On one of several replicas that sum is
    the mean over replicas, so that the mean of the replicas' losses is that over all their pixels.

    Args:
        logits: floating `[B, H, W, K]`.
        mask: integer `[B, H, W]`: classes `0..K-1`, or `ignore_value`.
        gamma: How much well classified pixels are left out; at least 0.
        ignore_value: Marks pixels without a class.
        class_weights: `K` weights of at least 0; None: all 1.

    Returns:
        float32 scalar; 0, with zero gradients, if no pixel has a class.

    Raises:
        ValueError: If the shapes or types do not fit.
        tf.errors.InvalidArgumentError: When it runs, if the mask holds anything else.
    """
    logits, mask = _checked(logits, mask)
    classes = logits.shape[-1]
    known = mask != ignore_value
    labels = _checked_labels(tf.where(known, mask, 0), classes)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)  # [B, H, W]
    if gamma:
        remainder = tf.maximum(-tf.math.expm1(-losses), _SMALLEST)  # 1 - p
        losses *= remainder**gamma
    weights = tf.cast(known, tf.float32)
    if class_weights is not None:
        weights *= tf.gather(_checked_weights(class_weights, classes), labels)
    total = mean_over_replicas(tf.reduce_sum(weights))
    return tf.math.divide_no_nan(tf.reduce_sum(weights * losses), total)


class SegmentationLoss:
    """A loss of logit maps and a mask: `loss(logits, mask)` is a float32 scalar.

    Attributes:
        ignore_value: Marks pixels without a class.
        class_weights: One weight a class, or None.
    """

    def __init__(self, *, ignore_value: int = 255, class_weights: Sequence[float] | None = None):
        """Takes what every such loss has.

        Raises:
            ValueError: If a weight is negative, or all are 0.
        """
        self.ignore_value = ignore_value
        if class_weights is not None:
            class_weights = [arguments.non_negative("class_weights", w) for w in class_weights]
            if not any(class_weights):
                raise ValueError(f"class_weights must not all be 0, got {class_weights}.")
        self.class_weights = class_weights

    def __call__(self, logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """The loss of `[B, H, W, K]` logits and a `[B, H, W]` mask."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__.")

    def get_config(self) -> dict[str, Any]:
        return {"ignore_value": self.ignore_value, "class_weights": self.class_weights}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SegmentationLoss":
        return cls(**config)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class PixelCrossEntropy(SegmentationLoss):
    """`pixel_cross_entropy` as an object."""

    def __call__(self, logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        return pixel_cross_entropy(logits, mask, **self.get_config())


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class FocalLoss(SegmentationLoss):
    """`focal_loss` as an object.

    Attributes:
        gamma: How much well classified pixels are left out.
    """

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        ignore_value: int = 255,
        class_weights: Sequence[float] | None = None,
    ):
        """Takes the arguments of `focal_loss`.

        Raises:
            ValueError: If `gamma` or a weight is negative.
        """
        super().__init__(ignore_value=ignore_value, class_weights=class_weights)
        self.gamma = arguments.non_negative("gamma", gamma)

    def __call__(self, logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        return focal_loss(logits, mask, **self.get_config())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gamma": self.gamma}


def _checked(logits: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    logits, mask = tf.convert_to_tensor(logits), tf.convert_to_tensor(mask)
    if not logits.dtype.is_floating or not mask.dtype.is_integer:
        raise ValueError(
            "logits must be floating and mask integer, got "
            f"{logits.dtype.name} and {mask.dtype.name}."
        )
    if logits.shape.rank != 4 or not logits.shape[:3].is_compatible_with(mask.shape):
        raise ValueError(
            "logits and mask must have shapes [B, H, W, K] and [B, H, W], got "
            f"{logits.shape} and {mask.shape}."
        )
    return tf.cast(logits, tf.float32), tf.cast(mask, tf.int32)


def _checked_labels(labels: tf.Tensor, classes: int) -> tf.Tensor:
    # On a GPU a label out of range would silently give NaN.
    in_range = tf.debugging.Assert(
        tf.reduce_all((labels >= 0) & (labels < classes)),
        [f"mask must hold classes in [0, {classes}) or the ignore value, got", labels],
    )
    with tf.control_dependencies([in_range]):
        return tf.identity(labels)


def _checked_weights(class_weights: Sequence[float], classes: int) -> tf.Tensor:
    if len(class_weights) != classes:
        raise ValueError(
            f"class_weights must have one weight for each of {classes} classes, got "
            f"{len(class_weights)}."
        )
    return tf.constant(class_weights, tf.float32)
