"""Objectives of the classifier that a margin-softmax loss trains beside the network."""

import abc
from collections.abc import Callable, Mapping

import tensorflow as tf

from rtml_tf.attacks import cleverhans_primitives as primitives
from rtml_tf.attacks.objective import Objective, ObjectiveFunction


class _MarginHeadObjective(Objective):
    """A value of the logits `loss.logits(embeddings)`, `[B, C]`, and the labels.

    Reads `batch["label"]`, int32 `[B]`.

    Attributes:
        loss: The loss whose class weights give the logits; None: that of the model in training.
    """

    def __init__(self, *, loss: tf.keras.layers.Layer | None = None):
        """Keeps the loss; its class weights are shared and not changed.

        Args:
            loss: A loss with a method `logits(embeddings [B, D])` -> `[B, C]`. `None`: the loss
                that the model trains with, whose class weights it learns; outside of training a
                loss must be given.

        Raises:
            ValueError: If `loss` has no `logits`.
        """
        self.loss = None if loss is None else _with_logits(loss)

    @abc.abstractmethod
    def _value(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """`[B]`, `[B, C]` -> `[B]`."""

    def prepare(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        batch: Mapping[str, tf.Tensor],
        *,
        seed: tf.Tensor,
    ) -> ObjectiveFunction:
        labels, loss = self._entry(batch, "label"), self.loss
        if loss is None:
            raise ValueError(f"loss of {type(self).__name__} must be given here, got None.")

        def value(embeddings: tf.Tensor) -> tf.Tensor:
            return self._value(labels, tf.cast(loss.logits(embeddings), tf.float32))

        return value

    def in_training(
        self, loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    ) -> "_MarginHeadObjective":
        """See `Objective`; with that loss, where it has none of its own."""
        return self if self.loss is not None else type(self)(loss=loss)

    def get_config(self) -> dict:
        if self.loss is None:
            return {"loss": None}
        return {"loss": tf.keras.saving.serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config: dict) -> "_MarginHeadObjective":
        """Builds the objective with a new loss; a loss's weights are not part of its config."""
        loss = config["loss"]
        return cls(loss=None if loss is None else tf.keras.saving.deserialize_keras_object(loss))


def _with_logits(loss: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
    if not callable(getattr(loss, "logits", None)):
        raise ValueError(
            "loss must have a method logits(embeddings), as margin-softmax losses do, got "
            f"{loss!r}."
        )
    return loss


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class CrossEntropyObjective(_MarginHeadObjective):
    """Raises the cross-entropy of the right class, `-log softmax(logits)_y`, in `[0, inf)`."""

    def _value(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class ClassMarginObjective(_MarginHeadObjective):
    """Raises `max_{j != y} logit_j - logit_y`; above 0 the image is misclassified.

    Source: Carlini and Wagner (2017), the objective f_6 without its floor. Unlike cross-entropy it
    keeps its gradient where the classifier is sure.
    """

    def _value(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return primitives.margin_logit_loss(logits, labels, nb_classes=tf.shape(logits)[-1])
