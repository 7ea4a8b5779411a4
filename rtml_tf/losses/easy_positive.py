"""Easy-positive triplet loss (Xuan et al., WACV 2020)."""

from typing import Any

import tensorflow as tf

from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.metric_loss import MetricLoss, checked_batch


def easy_positive_loss(
    embeddings: tf.Tensor,
    labels: tf.Tensor,
    *,
    temperature: float = 0.1,
    semi_hard: bool = True,
    same_image_similarity: float = 0.9999,
) -> tf.Tensor:
    """Each anchor with its most similar positive only, so that a class need not collapse.

    With S the cosine similarities, p the most similar positive of anchor i and n its most similar
    negative (Xuan et al. 2020, section 3):

        -log(exp(S_ip / temperature) / (exp(S_ip / temperature) + exp(S_in / temperature)))

    The mean is over all anchors that have both (the authors' code sums). No such anchor: loss 0.

    Args:
        embeddings: floating `[B, D]`.
        labels: integer `[B]`.
        temperature: Above 0. The authors' code has 1, which on the sphere pulls and pushes all
            triplets nearly alike; 0.1 leaves the solved ones alone.
        semi_hard: Take n among the negatives that are less similar than p (the paper's EPSHN, its
            best), instead of among all (EPHN). An anchor without such a negative is left out.
        same_image_similarity: A positive at least this similar is taken for the same image, drawn
            twice, and not chosen as p (as in the authors' code); above 1 for no such limit.

    Returns:
        float32 scalar of at least 0.
    """
    embeddings, labels = checked_batch(embeddings, labels)
    similarities = pairs.cosine_similarities(embeddings, embeddings)
    positive, negative = pairs.pair_masks(labels, labels)
    positive &= similarities < same_image_similarity
    easy_positive = pairs.masked_max(similarities, positive)  # [B]
    if semi_hard:
        negative &= similarities < easy_positive[:, tf.newaxis]
    hard_negative = pairs.masked_max(similarities, negative)
    has_both = tf.reduce_any(positive, axis=1) & tf.reduce_any(negative, axis=1)
    terms = tf.nn.softplus((hard_negative - easy_positive) / temperature)
    return pairs.masked_mean(terms, has_both)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class EasyPositiveLoss(MetricLoss):
    """`easy_positive_loss` as a layer.

    Attributes:
        temperature, semi_hard, same_image_similarity: As in `easy_positive_loss`.
    """

    def __init__(
        self,
        *,
        temperature: float = 0.1,
        semi_hard: bool = True,
        same_image_similarity: float = 0.9999,
        name: str | None = None,
    ):
        """Checks and keeps the constants.

        Raises:
            ValueError: If a constant is not above 0.
        """
        super().__init__(name=name)
        self.temperature = arguments.positive("temperature", temperature)
        self.semi_hard = semi_hard
        self.same_image_similarity = arguments.positive(
            "same_image_similarity", same_image_similarity
        )

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return easy_positive_loss(
            embeddings,
            labels,
            temperature=self.temperature,
            semi_hard=self.semi_hard,
            same_image_similarity=self.same_image_similarity,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "semi_hard": self.semi_hard,
            "same_image_similarity": self.same_image_similarity,
        }
