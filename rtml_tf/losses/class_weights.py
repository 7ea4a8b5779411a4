"""Losses that hold one vector for each training class."""

from typing import Any

import tensorflow as tf

from rtml_tf.losses import arguments
from rtml_tf.losses.metric_loss import MetricLoss, checked_batch


class ClassVectorLoss(MetricLoss):
    """A metric loss that holds one vector for each class, trained or not.

    The number of classes comes from the constructor or, if it was left out, from
    `prepare(num_classes=...)`, which the training loop calls with what its data has.

    Attributes:
        num_classes: How many classes there are vectors for, None before that is known.
    """

    def __init__(self, *, num_classes: int | None = None, name: str | None = None):
        """Takes the number of classes, or None to be told by `prepare`.

        Raises:
            ValueError: If `num_classes` is below 2.
        """
        super().__init__(name=name)
        if num_classes is not None:
            num_classes = arguments.integer_from("num_classes", num_classes, 2)
        self.num_classes = num_classes

    @property
    def unseen_classes(self) -> bool:
        return False

    def prepare(self, *, num_classes: int) -> None:
        """Takes the number of classes of the training data, or checks that they have vectors.

        Raises:
            ValueError: If the data has more classes than the loss, or fewer than 2.
        """
        num_classes = arguments.integer_from("num_classes", num_classes, 2)
        if self.num_classes is None:
            self.num_classes = num_classes
        elif num_classes > self.num_classes:
            raise ValueError(
                f"{type(self).__name__} holds vectors for {self.num_classes} classes, but the "
                f"data has {num_classes}."
            )

    def add_class_vectors(
        self,
        name: str,
        input_shape: tf.TensorShape,
        *,
        initializer: tf.keras.initializers.Initializer,
        trainable: bool,
        aggregation: tf.VariableAggregation = tf.VariableAggregation.NONE,
    ) -> tf.Variable:
        """Creates a float32 `[num_classes, D]` variable, for `build`.

        Raises:
            ValueError: If the number of classes or the embedding size is not known.
        """
        return self.add_weight(
            name=name,
            shape=self.class_vectors_shape(input_shape),
            initializer=initializer,
            trainable=trainable,
            aggregation=aggregation,
        )

    def class_vectors_shape(self, input_shape: tf.TensorShape) -> tuple[int, int]:
        """`(num_classes, D)` for embeddings of shape `[B, D]`.

        Raises:
            ValueError: If the number of classes or the embedding size is not known.
        """
        if self.num_classes is None:
            raise ValueError(
                f"{type(self).__name__} does not know the number of classes: give num_classes, or "
                "call prepare(num_classes=...) before the first call."
            )
        shape = tf.TensorShape(input_shape)
        if shape.rank != 2 or shape[1] is None:
            raise ValueError(f"embeddings must have shape [B, D] with a known D, got {shape}.")
        return self.num_classes, shape[1]

    def require_built(self) -> None:
        """Makes sure that the class vectors exist.

        Raises:
            ValueError: If the loss has not been called yet.
        """
        if not self.built:
            raise ValueError(f"{type(self).__name__} has no class vectors before its first call.")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_classes": self.num_classes}


class ClassWeightLoss(ClassVectorLoss):
    """A metric loss whose class vectors are trained with the network.

    Rows start with a length of about 1 whatever the embedding size. They are normalised where they
    are used, so their length only sets how far one optimizer step turns them.

    Attributes:
        class_weights: float32 `[num_classes, D]` variable, created by the first call.
    """

    def build(self, input_shape: tf.TensorShape) -> None:
        self.class_weights = self.add_class_vectors(
            "class_weights", input_shape, initializer=class_weight_initializer(), trainable=True
        )
        super().build(input_shape)


def class_weight_initializer() -> tf.keras.initializers.Initializer:
    """What class weights `[num_classes, D]` start from: rows of length about 1."""
    # A standard deviation of 1/sqrt(D).
    return tf.keras.initializers.VarianceScaling(
        scale=1.0, mode="fan_out", distribution="untruncated_normal"
    )


def checked_class_batch(
    embeddings: tf.Tensor, labels: tf.Tensor, class_vectors: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """`checked_batch`, and the labels and the embedding size against `[num_classes, D]` vectors.

    Raises:
        ValueError: If the shapes or types do not fit.
        tf.errors.InvalidArgumentError: When it runs, if a label is outside `[0, num_classes)`.
    """
    embeddings, labels = checked_batch(embeddings, labels)
    num_classes, embedding_size = class_vectors.shape
    if not embeddings.shape[1:].is_compatible_with([embedding_size]):
        raise ValueError(
            f"embeddings have size {embeddings.shape[1]}, but the class vectors have size "
            f"{embedding_size}."
        )
    # On a GPU a label out of range would silently read zeros.
    in_range = tf.debugging.Assert(
        tf.reduce_all((labels >= 0) & (labels < num_classes)),
        [f"labels must be in [0, {num_classes}), got", labels],
    )
    # What reads the labels waits for the check, so that its message comes before any other.
    with tf.control_dependencies([in_range]):
        return embeddings, tf.identity(labels)
