"""A weighted sum of metric losses."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from rtml_tf.losses.metric_loss import MetricLoss
from rtml_tf.losses.weighted_terms import weighted_terms


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class CombinedLoss(MetricLoss):
    """`sum_i weights[i] * losses[i](embeddings, labels)`.

    Attributes:
        terms: The losses (`losses` and `weights` are taken by Keras).
        term_weights: Their weights.
    """

    def __init__(
        self,
        *,
        losses: Sequence[MetricLoss],
        weights: Sequence[float] | None = None,
        name: str | None = None,
    ):
        """Takes the losses and their weights, by default all 1.

        Raises:
            ValueError: If there is no loss, an element is not a `MetricLoss`, the lengths differ or
                a weight is negative.
        """
        super().__init__(name=name)
        self.terms, self.term_weights = weighted_terms(MetricLoss, losses, weights)

    @property
    def unseen_classes(self) -> bool:
        return all(loss.unseen_classes for loss in self.terms)

    def prepare(self, *, num_classes: int) -> None:
        for loss in self.terms:
            loss.prepare(num_classes=num_classes)

    def build(self, input_shape: tf.TensorShape) -> None:
        for loss in self.terms:
            if not loss.built:
                loss.build(input_shape)
        super().build(input_shape)

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return tf.add_n(
            [
                weight * loss(embeddings, labels)
                for weight, loss in zip(self.term_weights, self.terms)
            ]
        )

    def update_state(self, embeddings: tf.Tensor, labels: tf.Tensor) -> None:
        for loss in self.terms:
            loss.update_state(embeddings, labels)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "losses": [tf.keras.layers.serialize(loss) for loss in self.terms],
            "weights": list(self.term_weights),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "CombinedLoss":
        losses = [tf.keras.layers.deserialize(loss) for loss in config["losses"]]
        return cls(**{**config, "losses": losses})
