"""Circle loss on pairs (Sun et al., CVPR 2020)."""

from typing import Any

import tensorflow as tf

from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.metric_loss import MetricLoss, checked_batch


def circle_loss(
    embeddings: tf.Tensor, labels: tf.Tensor, *, margin: float = 0.25, gamma: float = 256.0
) -> tf.Tensor:
    """Pairs weighted by how far each is from its own optimum.

    With s_p and s_n the cosines of an anchor with its positives and negatives, a_p = max(0, 1 +
    margin - s_p) and a_n = max(0, s_n + margin) held constant in the gradient (Sun et al. 2020,
    section 3):

        log(1 + sum_n exp(gamma a_n (s_n - margin)) sum_p exp(-gamma a_p (s_p - 1 + margin)))

    The mean is over all anchors that have a positive and a negative. No such anchor: loss 0.

    Args:
        embeddings: floating `[B, D]`.
        labels: integer `[B]`.
        margin: Relaxation in [0, 1]. The paper: 0.25 for faces and persons, 0.4 for fine-grained
            retrieval.
        gamma: Scale, above 0. The paper: 256 for faces and persons, 80 for fine-grained retrieval.

    Returns:
        float32 scalar of at least 0.
    """
    embeddings, labels = checked_batch(embeddings, labels)
    similarities = pairs.cosine_similarities(embeddings, embeddings)
    positive, negative = pairs.pair_masks(labels, labels)
    positive_weight = tf.stop_gradient(tf.nn.relu(1.0 + margin - similarities))
    negative_weight = tf.stop_gradient(tf.nn.relu(similarities + margin))
    pull = -gamma * positive_weight * (similarities - (1.0 - margin))
    push = gamma * negative_weight * (similarities - margin)
    terms = tf.nn.softplus(
        pairs.masked_log_sum_exp(pull, positive) + pairs.masked_log_sum_exp(push, negative)
    )
    has_both = tf.reduce_any(positive, axis=1) & tf.reduce_any(negative, axis=1)
    return pairs.masked_mean(terms, has_both)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class CircleLoss(MetricLoss):
    """`circle_loss` as a layer.

    Attributes:
        margin, gamma: As in `circle_loss`.
    """

    def __init__(self, *, margin: float = 0.25, gamma: float = 256.0, name: str | None = None):
        """Checks and keeps the constants.

        Raises:
            ValueError: If a constant is outside its range.
        """
        super().__init__(name=name)
        self.margin = arguments.within("margin", margin, 0.0, 1.0)
        self.gamma = arguments.positive("gamma", gamma)

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return circle_loss(embeddings, labels, margin=self.margin, gamma=self.gamma)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin, "gamma": self.gamma}
