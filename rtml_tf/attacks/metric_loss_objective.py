"""The objective of adversarial training: raise the metric loss itself."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from rtml_tf.attacks.objective import Objective, ObjectiveFunction
from rtml_tf.layers.replicas import gather_rows


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class MetricLossObjective(Objective):
    """Raises `loss(f(x + d), y)`, the inner maximum of joint adversarial training.

    Source: RMT (Yang et al., MMSP 2022), stage 1, `d = argmax L_m(f(x + d), y)`. Every image of
    the batch is attacked at once, so pairs and triplets are formed among attacked images. The value
    is the batch's: with restarts, the best restart is kept for the batch as a whole.

    Reads `batch["label"]`, int32 `[B]`.

    Attributes:
        loss: The metric loss, `loss(embeddings [B, D], labels [B])` -> scalar.
        spans_replicas: Whether the loss is taken of the images of all replicas.
    """

    def __init__(
        self,
        *,
        loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
        spans_replicas: bool = False,
    ):
        """Keeps the loss; its weights, if it has any, are shared and not changed.

        Args:
            loss: A `MetricLoss`, or any callable of the same form.
            spans_replicas: Whether replicas attack their images for one loss of all of them. They
                exchange embeddings at every step of the search, whose steps the graph then holds
                one after the other.

        Raises:
            ValueError: If `loss` is not callable.
        """
        if not callable(loss):
            raise ValueError(f"loss must be callable as loss(embeddings, labels), got {loss!r}.")
        self.loss = loss
        self.spans_replicas = bool(spans_replicas)

    def prepare(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        batch: Mapping[str, tf.Tensor],
        *,
        seed: tf.Tensor,
    ) -> ObjectiveFunction:
        labels = self._entry(batch, "label")
        if not self.spans_replicas:
            return lambda embeddings: self.loss(embeddings, labels)
        labels = gather_rows(labels)
        return lambda embeddings: self.loss(gather_rows(embeddings), labels)

    def get_config(self) -> dict:
        return {
            "loss": tf.keras.saving.serialize_keras_object(self.loss),
            "spans_replicas": self.spans_replicas,
        }

    @classmethod
    def from_config(cls, config: dict) -> "MetricLossObjective":
        """Builds the objective with a new loss; a loss's weights are not part of its config."""
        return cls(**{**config, "loss": tf.keras.saving.deserialize_keras_object(config["loss"])})
