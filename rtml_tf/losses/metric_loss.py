"""The contract of every metric loss: embeddings and labels in, a scalar out."""

from typing import Any

import tensorflow as tf


class MetricLoss(tf.keras.layers.Layer):
    """A loss on one batch of embeddings and their labels.

    `loss(embeddings, labels)` is a float32 scalar, finite and with finite gradients on every batch
    of at least one example: also without positives, with one class only, with the same image
    twice. Embeddings of any floating type are taken and worked on in float32, so a loss needs no
    care under mixed precision.

    A call changes nothing: evaluation and attacks may call a loss as often as they like. What a
    loss learns by a rule of its own and not by gradients (class centres, the place in an
    annealing) moves in `update_state`, which the training loop calls once a step.

    Subclasses write `call` as one line over a pure function that stands beside them.

    Attributes:
        num_classes: How many classes the loss holds weights for; None where it holds none, or not
            yet.
    """

    num_classes: int | None = None

    def __init__(self, *, name: str | None = None):
        super().__init__(name=name, dtype="float32")

    @property
    def unseen_classes(self) -> bool:
        """Whether the loss has a meaning on classes that it was not trained on."""
        return True

    def prepare(self, *, num_classes: int) -> None:
        """Tells the loss how many classes the training data has, before the first call.

        Losses without weights for each class have no use for it.
        """

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The loss of one batch.

        Args:
            embeddings: floating `[B, D]`, L2-normalised.
            labels: integer `[B]`.

        Returns:
            float32 scalar.

        Raises:
            ValueError: If the shapes or types are not these.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define call.")

    def update_state(self, embeddings: tf.Tensor, labels: tf.Tensor) -> None:
        """Moves what the loss learns without gradients; to be called once a training step.

        Call it after the loss itself, in replica context when there are several replicas, with the
        same batch.

        Args:
            embeddings: floating `[B, D]`, the embeddings that the step's loss was computed on.
            labels: integer `[B]`.
        """

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


def checked_batch(embeddings: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The batch as every loss works on it.

    Args:
        embeddings: floating `[B, D]`.
        labels: integer `[B]`.

    Returns:
        float32 embeddings `[B, D]` and int32 labels `[B]`.

    Raises:
        ValueError: If a rank, a type or the batch size does not fit, as far as it is known when
            the graph is built.
    """
    embeddings = tf.convert_to_tensor(embeddings)
    labels = tf.convert_to_tensor(labels)
    if not embeddings.dtype.is_floating:
        raise ValueError(f"embeddings must be floating, got {embeddings.dtype.name}.")
    if not labels.dtype.is_integer:
        raise ValueError(f"labels must be integer, got {labels.dtype.name}.")
    if embeddings.shape.rank not in (None, 2):
        raise ValueError(f"embeddings must have shape [B, D], got {embeddings.shape}.")
    if labels.shape.rank not in (None, 1):
        raise ValueError(f"labels must have shape [B], got {labels.shape}.")
    if not embeddings.shape[:1].is_compatible_with(labels.shape[:1]):
        raise ValueError(
            "embeddings and labels must have the same batch size, got shapes "
            f"{embeddings.shape} and {labels.shape}."
        )
    return tf.cast(embeddings, tf.float32), tf.cast(labels, tf.int32)
