"""Softmax over cosines to class weights, with a margin for the true class.

One loss for the whole family: a member says what the margin does to the true class's cosine.
ArcFace, CosFace and the plain normalised softmax are here, SphereFace is in `sphereface.py`.
"""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.class_weights import ClassWeightLoss, checked_class_batch

# Smallest squared sine that the gradient sees: near angle 0 its slope would grow without bound.
_SQUARED_SINE_EPSILON = 1e-7


def margin_softmax_loss(
    embeddings: tf.Tensor,
    labels: tf.Tensor,
    class_weights: tf.Tensor,
    *,
    scale: float,
    margin: Callable[[tf.Tensor], tf.Tensor],
) -> tf.Tensor:
    """Cross-entropy of `scale * cosine`, where the true class has `margin(cosine)` instead.

    Args:
        embeddings: floating `[B, D]`; normalised inside.
        labels: integer `[B]` in `[0, C)`.
        class_weights: float32 `[C, D]`; normalised inside.
        scale: What the cosines are multiplied by, above 0.
        margin: Maps the true classes' cosines `[B]` to their replacements `[B]`.

    Returns:
        float32 scalar of at least 0, the mean over the batch.
    """
    embeddings, labels = checked_class_batch(embeddings, labels, class_weights)
    cosines = pairs.cosine_similarities(embeddings, class_weights)  # [B, C]
    with_margin = margin(tf.gather(cosines, labels, batch_dims=1))  # [B]
    is_true_class = tf.one_hot(labels, class_weights.shape[0], on_value=True, off_value=False)
    logits = scale * tf.where(is_true_class, with_margin[:, tf.newaxis], cosines)
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def additive_angular_margin(
    cosine: tf.Tensor, margin: float, *, easy_margin: bool = False
) -> tf.Tensor:
    """`cos(angle + margin)` (ArcFace, Deng et al. 2019, equation 3), continued where it would rise.

    It is computed as `cos(angle) cos(margin) - sin(angle) sin(margin)`, without the arccosine and
    its unbounded slope. Past `angle = pi - margin` the cosine of the sum rises again; as in the
    authors' code `cosine - margin sin(margin)` continues it there, monotonic and below it. Margins
    beyond a right angle would not be monotonic: near angle 0, where the sine is bounded from below,
    and from about 2.33 on, where the continuation begins above the -1 that it continues.

    Args:
        cosine: float32, any shape, in [-1, 1] up to rounding.
        margin: Radians in [0, pi / 2].
        easy_margin: Apply the margin only to cosines above 0 and leave the others as they are
            (gentler at the start of training).

    Returns:
        float32 of the same shape.
    """
    sine = tf.sqrt(tf.maximum(1.0 - tf.square(cosine), _SQUARED_SINE_EPSILON))
    shifted = cosine * math.cos(margin) - sine * math.sin(margin)
    if easy_margin:
        return tf.where(cosine > 0.0, shifted, cosine)
    continued = cosine - margin * math.sin(margin)
    return tf.where(cosine > math.cos(math.pi - margin), shifted, continued)


class MarginSoftmaxLoss(ClassWeightLoss):
    """`margin_softmax_loss` with trained class weights; subclasses say what the margin is.

    Attributes:
        scale: What the cosines are multiplied by.
    """

    def __init__(self, *, num_classes: int | None, scale: float, name: str | None):
        """Checks and keeps the scale.

        Raises:
            ValueError: If `scale` is not above 0.
        """
        super().__init__(num_classes=num_classes, name=name)
        self.scale = arguments.positive("scale", scale)

    def with_margin(self, cosine: tf.Tensor) -> tf.Tensor:
        """What stands in place of the true classes' cosines: float32 `[B]` -> `[B]`."""
        raise NotImplementedError(f"{type(self).__name__} does not define with_margin.")

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return margin_softmax_loss(
            embeddings, labels, self.class_weights, scale=self.scale, margin=self.with_margin
        )

    def logits(self, embeddings: tf.Tensor) -> tf.Tensor:
        """Class logits without a margin, for classification: `[B, D]` -> float32 `[B, C]`.

        Raises:
            ValueError: If the loss has not been called yet.
        """
        self.require_built()
        embeddings = tf.cast(embeddings, tf.float32)
        return self.scale * pairs.cosine_similarities(embeddings, self.class_weights)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class NormalizedSoftmaxLoss(MarginSoftmaxLoss):
    """Cross-entropy of scaled cosines, without a margin (NormFace, Wang et al. 2017).

    Attributes:
        scale: What the cosines are multiplied by.
    """

    def __init__(
        self, *, num_classes: int | None = None, scale: float = 16.0, name: str | None = None
    ):
        super().__init__(num_classes=num_classes, scale=scale, name=name)

    def with_margin(self, cosine: tf.Tensor) -> tf.Tensor:
        return cosine


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class ArcFaceLoss(MarginSoftmaxLoss):
    """Margin added to the angle: `cos(angle + margin)` (Deng et al., CVPR 2019).

    The scale 16 is that of metric learning benchmarks and of MDProp; the paper's 64 is for many
    thousands of classes.

    Attributes:
        margin: Radians in [0, pi / 2].
        scale: What the cosines are multiplied by.
        easy_margin: As in `additive_angular_margin`.
    """

    def __init__(
        self,
        *,
        num_classes: int | None = None,
        margin: float = 0.5,
        scale: float = 16.0,
        easy_margin: bool = False,
        name: str | None = None,
    ):
        """Checks and keeps the constants.

        Raises:
            ValueError: If a constant is outside its range.
        """
        super().__init__(num_classes=num_classes, scale=scale, name=name)
        self.margin = arguments.within("margin", margin, 0.0, math.pi / 2)
        self.easy_margin = easy_margin

    def with_margin(self, cosine: tf.Tensor) -> tf.Tensor:
        return additive_angular_margin(cosine, self.margin, easy_margin=self.easy_margin)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin, "easy_margin": self.easy_margin}


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class CosFaceLoss(MarginSoftmaxLoss):
    """Margin taken from the cosine: `cosine - margin` (CosFace, AM-softmax; Wang et al. 2018).

    Attributes:
        margin: In cosine units.
        scale: What the cosines are multiplied by.
    """

    def __init__(
        self,
        *,
        num_classes: int | None = None,
        margin: float = 0.35,
        scale: float = 30.0,
        name: str | None = None,
    ):
        """Checks and keeps the constants.

        Raises:
            ValueError: If a constant is outside its range.
        """
        super().__init__(num_classes=num_classes, scale=scale, name=name)
        self.margin = arguments.within("margin", margin, 0.0, 2.0)

    def with_margin(self, cosine: tf.Tensor) -> tf.Tensor:
        return cosine - self.margin

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin}
