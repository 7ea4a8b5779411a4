"""Proxy-NCA (Movshovitz-Attias et al., ICCV 2017) and ProxyNCA++ (Teh et al., ECCV 2020)."""

from typing import Any

import tensorflow as tf

from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.class_weights import ClassWeightLoss, checked_class_batch


def proxy_nca_loss(
    embeddings: tf.Tensor,
    labels: tf.Tensor,
    proxies: tf.Tensor,
    *,
    temperature: float = 1 / 9,
    positive_in_denominator: bool = True,
) -> tf.Tensor:
    """Neighbourhood components analysis against one proxy for each class.

    With d the squared distances of normalised embeddings to normalised proxies and y the true
    class, the mean over the batch of

        -log(exp(-d_y / temperature) / sum_z exp(-d_z / temperature))

    Args:
        embeddings: floating `[B, D]`; normalised inside.
        labels: integer `[B]` in `[0, C)`.
        proxies: float32 `[C, D]`; normalised inside.
        temperature: Above 0. ProxyNCA++: 1/9. Proxy-NCA: 1, which is too soft for the sphere.
        positive_in_denominator: Sum over all proxies (ProxyNCA++, a softmax, at least 0), or over
            the other classes only (Proxy-NCA, equation 4, not bounded below by 0).

    Returns:
        float32 scalar.
    """
    embeddings, labels = checked_class_batch(embeddings, labels, proxies)
    squared_distances = 2.0 - 2.0 * pairs.cosine_similarities(embeddings, proxies)  # [B, C]
    logits = -squared_distances / temperature
    other_classes = tf.one_hot(labels, proxies.shape[0], on_value=False, off_value=True)
    in_denominator = tf.ones_like(other_classes) if positive_in_denominator else other_classes
    positive_logits = tf.gather(logits, labels, batch_dims=1)
    return tf.reduce_mean(pairs.masked_log_sum_exp(logits, in_denominator) - positive_logits)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class ProxyNCALoss(ClassWeightLoss):
    """`proxy_nca_loss` with trained proxies (the class weights).

    Attributes:
        temperature, positive_in_denominator: As in `proxy_nca_loss`.
    """

    def __init__(
        self,
        *,
        num_classes: int | None = None,
        temperature: float = 1 / 9,
        positive_in_denominator: bool = True,
        name: str | None = None,
    ):
        """Checks and keeps the constants.

        Raises:
            ValueError: If `temperature` is not above 0 or `num_classes` is below 2.
        """
        super().__init__(num_classes=num_classes, name=name)
        self.temperature = arguments.positive("temperature", temperature)
        self.positive_in_denominator = positive_in_denominator

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return proxy_nca_loss(
            embeddings,
            labels,
            self.class_weights,
            temperature=self.temperature,
            positive_in_denominator=self.positive_in_denominator,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "positive_in_denominator": self.positive_in_denominator,
        }
