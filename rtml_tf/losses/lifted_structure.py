"""Lifted structured loss (Oh Song et al., CVPR 2016)."""

from typing import Any

import tensorflow as tf

from rtml_tf import addons
from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.metric_loss import MetricLoss, checked_batch


def lifted_structure_loss(
    embeddings: tf.Tensor, labels: tf.Tensor, *, margin: float = 1.0
) -> tf.Tensor:
    """Every positive pair against all negatives of both its examples.

    With D the euclidean distances, P the positive pairs and N_i the negatives of i (Oh Song et al.
    2016, equation 4):

        J_ij = log(sum_{k in N_i} exp(margin - D_ik) + sum_{l in N_j} exp(margin - D_jl)) + D_ij
        loss = 1/(2 |P|) sum_{(i, j) in P} max(0, J_ij)^2

    The mean is over all positive pairs, also those whose term is 0. A batch without a positive or
    without a negative pair has loss 0, where TensorFlow Addons alone gives NaN. Memory grows with
    B^3.

    Args:
        embeddings: floating `[B, D]`. The paper does not normalise them; at length 1 all distances
            lie in [0, 2], and J stays above 0 in any but the smallest batches, which does no harm.
        labels: integer `[B]`.
        margin: Above 0.

    Returns:
        float32 scalar of at least 0.
    """
    embeddings, labels = checked_batch(embeddings, labels)
    positive, negative = pairs.pair_masks(labels, labels)
    return pairs.zero_unless(
        tf.reduce_any(positive) & tf.reduce_any(negative),
        lambda: addons.lifted_struct_loss(labels, embeddings, margin=margin),
        embeddings,
    )


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class LiftedStructureLoss(MetricLoss):
    """`lifted_structure_loss` as a layer.

    Attributes:
        margin: As in `lifted_structure_loss`.
    """

    def __init__(self, *, margin: float = 1.0, name: str | None = None):
        """Checks and keeps the constant.

        Raises:
            ValueError: If `margin` is not above 0.
        """
        super().__init__(name=name)
        self.margin = arguments.positive("margin", margin)

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return lifted_structure_loss(embeddings, labels, margin=self.margin)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin}
