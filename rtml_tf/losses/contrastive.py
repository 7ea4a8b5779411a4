"""Contrastive loss on all pairs of a batch (Hadsell et al., CVPR 2006)."""

from typing import Any

import tensorflow as tf

from rtml_tf import addons
from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.metric_loss import MetricLoss, checked_batch


def contrastive_loss(embeddings: tf.Tensor, labels: tf.Tensor, *, margin: float = 1.0) -> tf.Tensor:
    """Positive pairs towards distance 0, negative pairs apart to at least `margin`.

    With D the euclidean distances: `D^2` for a positive pair, `max(0, margin - D)^2` for a negative
    one (Hadsell et al. 2006, equation 4, without its factors 1/2). A batch has many more negative
    than positive pairs, nearly all of them far apart: the loss is the mean over the positive pairs
    plus the mean over the negative pairs nearer than `margin`, as in pytorch-metric-learning. A
    mean over no pair is 0.

    Args:
        embeddings: floating `[B, D]`, L2-normalised: distances in [0, 2].
        labels: integer `[B]`.
        margin: Above 0.

    Returns:
        float32 scalar of at least 0.
    """
    embeddings, labels = checked_batch(embeddings, labels)
    distances = pairs.euclidean_distances(embeddings, embeddings)
    positive, negative = pairs.pair_masks(labels, labels)
    terms = addons.contrastive_loss(positive, distances, margin=margin)  # [B, B]
    near_negative = negative & (distances < margin)
    return pairs.masked_mean(terms, positive) + pairs.masked_mean(terms, near_negative)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class ContrastiveLoss(MetricLoss):
    """`contrastive_loss` as a layer.

    Attributes:
        margin: As in `contrastive_loss`.
    """

    def __init__(self, *, margin: float = 1.0, name: str | None = None):
        """Checks and keeps the constant.

        Raises:
            ValueError: If `margin` is not above 0.
        """
        super().__init__(name=name)
        self.margin = arguments.positive("margin", margin)

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return contrastive_loss(embeddings, labels, margin=self.margin)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin}
