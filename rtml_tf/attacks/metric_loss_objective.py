"""The objective of adversarial training: raise the metric loss itself."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from rtml_tf.attacks.objective import Objective, ObjectiveFunction


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class MetricLossObjective(Objective):
    """Raises `loss(f(x + d), y)`, the inner maximum of joint adversarial training.

    Source: RMT (Yang et al., MMSP 2022), stage 1, `d = argmax L_m(f(x + d), y)`. Every image of
    the batch is attacked at once, so pairs and triplets are formed among attacked images. The value
    is the batch's: with restarts, the best restart is kept for the batch as a whole.

    Reads `batch["label"]`, int32 `[B]`.

    Attributes:
        loss: The metric loss, `loss(embeddings [B, D], labels [B])` -> scalar.
    """

    def __init__(self, *, loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]):
        """Keeps the loss; its weights, if it has any, are shared and not changed.

        Args:
            loss: A `MetricLoss`, or any callable of the same form.

        Raises:
            ValueError: If `loss` is not callable.
        """
        if not callable(loss):
            raise ValueError(f"loss must be callable as loss(embeddings, labels), got {loss!r}.")
        self.loss = loss

    def prepare(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        batch: Mapping[str, tf.Tensor],
        *,
        seed: tf.Tensor,
    ) -> ObjectiveFunction:
        labels = self._entry(batch, "label")
        return lambda embeddings: self.loss(embeddings, labels)

    def get_config(self) -> dict:
        return {"loss": tf.keras.saving.serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config: dict) -> "MetricLossObjective":
        """Builds the objective with a new loss; a loss's weights are not part of its config."""
        return cls(loss=tf.keras.saving.deserialize_keras_object(config["loss"]))
