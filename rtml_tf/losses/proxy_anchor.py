"""Proxy-anchor loss (Kim et al., CVPR 2020)."""

from typing import Any

import tensorflow as tf

from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.class_weights import ClassWeightLoss, checked_class_batch


def proxy_anchor_loss(
    embeddings: tf.Tensor,
    labels: tf.Tensor,
    proxies: tf.Tensor,
    *,
    margin: float = 0.1,
    alpha: float = 32.0,
) -> tf.Tensor:
    """Every proxy as an anchor against the whole batch.

    With s the cosines, P all proxies, P+ those whose class is in the batch, X_p+ and X_p- the
    embeddings of proxy p's class and of the others (Kim et al. 2020, equation 4):

        1/|P+| sum_{p in P+} log(1 + sum_{x in X_p+} exp(-alpha (s(x, p) - margin)))
        + 1/|P| sum_{p in P} log(1 + sum_{x in X_p-} exp(alpha (s(x, p) + margin)))

    Args:
        embeddings: floating `[B, D]`; normalised inside.
        labels: integer `[B]` in `[0, C)`.
        proxies: float32 `[C, D]`; normalised inside.
        margin: In [0, 1] (the paper's delta).
        alpha: Scale, above 0.

    Returns:
        float32 scalar of at least 0.
    """
    embeddings, labels = checked_class_batch(embeddings, labels, proxies)
    cosines = pairs.cosine_similarities(embeddings, proxies)  # [B, C]
    positive = tf.one_hot(labels, proxies.shape[0], on_value=True, off_value=False)
    pull = pairs.masked_log_sum_exp(-alpha * (cosines - margin), positive, axis=0)  # [C]
    push = pairs.masked_log_sum_exp(alpha * (cosines + margin), ~positive, axis=0)
    in_batch = tf.reduce_any(positive, axis=0)
    return pairs.masked_mean(tf.nn.softplus(pull), in_batch) + tf.reduce_mean(tf.nn.softplus(push))


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class ProxyAnchorLoss(ClassWeightLoss):
    """`proxy_anchor_loss` with trained proxies (the class weights).

    Attributes:
        margin, alpha: As in `proxy_anchor_loss`.
    """

    def __init__(
        self,
        *,
        num_classes: int | None = None,
        margin: float = 0.1,
        alpha: float = 32.0,
        name: str | None = None,
    ):
        """Checks and keeps the constants.

        Raises:
            ValueError: If a constant is outside its range.
        """
        super().__init__(num_classes=num_classes, name=name)
        self.margin = arguments.within("margin", margin, 0.0, 1.0)
        self.alpha = arguments.positive("alpha", alpha)

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return proxy_anchor_loss(
            embeddings, labels, self.class_weights, margin=self.margin, alpha=self.alpha
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin, "alpha": self.alpha}
