"""A weighted sum of imitation losses."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from rtml_tf.losses.imitation_loss import ImitationLoss
from rtml_tf.losses.weighted_terms import weighted_terms


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class CombinedImitation(ImitationLoss):
    """`sum_i weights[i] * losses[i](student, teacher)`.

    Attributes:
        terms: The losses (`losses` and `weights` are taken by Keras).
        term_weights: Their weights.
    """

    def __init__(
        self,
        *,
        losses: Sequence[ImitationLoss],
        weights: Sequence[float] | None = None,
        name: str | None = None,
    ):
        """Takes the losses and their weights, by default all 1.

        Raises:
            ValueError: If there is no loss, an element is not an `ImitationLoss`, the lengths
                differ or a weight is negative.
        """
        super().__init__(name=name)
        self.terms, self.term_weights = weighted_terms(ImitationLoss, losses, weights)

    @property
    def needs_equal_sizes(self) -> bool:
        return any(loss.needs_equal_sizes for loss in self.terms)

    def call(self, student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        return tf.add_n(
            [weight * loss(student, teacher) for weight, loss in zip(self.term_weights, self.terms)]
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "losses": [tf.keras.layers.serialize(loss) for loss in self.terms],
            "weights": list(self.term_weights),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "CombinedImitation":
        losses = [tf.keras.layers.deserialize(loss) for loss in config["losses"]]
        return cls(**{**config, "losses": losses})
