"""Multi-similarity loss (Wang et al., CVPR 2019)."""

from typing import Any

import tensorflow as tf

from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.metric_loss import MetricLoss, checked_batch


def multi_similarity_loss(
    embeddings: tf.Tensor,
    labels: tf.Tensor,
    *,
    alpha: float = 2.0,
    beta: float = 40.0,
    threshold: float = 0.5,
    margin: float | None = 0.1,
) -> tf.Tensor:
    """Soft-maximum pull on positives and push on negatives, on the pairs that carry information.

    With S the cosine similarities, P_i and N_i the positives and negatives of anchor i
    (Wang et al. 2019, equation 15):

        1/B sum_i  1/alpha log(1 + sum_{k in P_i} exp(-alpha (S_ik - threshold)))
                 + 1/beta  log(1 + sum_{k in N_i} exp(beta (S_ik - threshold)))

    Mining keeps a negative if `S_ik + margin` is above the anchor's least similar positive, and a
    positive if `S_ik - margin` is below its most similar negative (equations 11 and 12); an anchor
    that lacks one kind keeps nothing. Without mining such an anchor keeps the kind that it has.
    The mean is over all B anchors, those that keep nothing included, as in the paper and the
    authors' code. The authors' code drops positives with a similarity of 1 to be rid of the anchor
    itself; here only the anchor itself is left out, and the same image twice is a positive pair.

    Args:
        embeddings: floating `[B, D]`.
        labels: integer `[B]`.
        alpha: Sharpness of the positive term, above 0.
        beta: Sharpness of the negative term, above 0.
        threshold: Cosine around which pairs are weighted (the paper's lambda; the paper's text says
            1, its code and later work 0.5).
        margin: Mining margin of at least 0 (the paper's epsilon), None for no mining.

    Returns:
        float32 scalar of at least 0.
    """
    embeddings, labels = checked_batch(embeddings, labels)
    similarities = pairs.cosine_similarities(embeddings, embeddings)
    positive, negative = pairs.pair_masks(labels, labels)
    if margin is not None:
        least_similar_positive = -pairs.masked_max(-similarities, positive)[:, tf.newaxis]
        most_similar_negative = pairs.masked_max(similarities, negative)[:, tf.newaxis]
        negative &= similarities + margin > least_similar_positive
        positive &= similarities - margin < most_similar_negative
    pull = pairs.masked_log_sum_exp(-alpha * (similarities - threshold), positive)
    push = pairs.masked_log_sum_exp(beta * (similarities - threshold), negative)
    return tf.reduce_mean(tf.nn.softplus(pull) / alpha + tf.nn.softplus(push) / beta)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class MultiSimilarityLoss(MetricLoss):
    """`multi_similarity_loss` as a layer.

    Attributes:
        alpha, beta, threshold, margin: As in `multi_similarity_loss`.
    """

    def __init__(
        self,
        *,
        alpha: float = 2.0,
        beta: float = 40.0,
        threshold: float = 0.5,
        margin: float | None = 0.1,
        name: str | None = None,
    ):
        """Checks and keeps the constants.

        Raises:
            ValueError: If a constant is outside its range.
        """
        super().__init__(name=name)
        self.alpha = arguments.positive("alpha", alpha)
        self.beta = arguments.positive("beta", beta)
        self.threshold = arguments.within("threshold", threshold, -1.0, 1.0)
        self.margin = None if margin is None else arguments.non_negative("margin", margin)

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return multi_similarity_loss(
            embeddings,
            labels,
            alpha=self.alpha,
            beta=self.beta,
            threshold=self.threshold,
            margin=self.margin,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "beta": self.beta,
            "threshold": self.threshold,
            "margin": self.margin,
        }
