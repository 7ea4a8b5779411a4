"""The contract of every imitation loss: a student's and its teacher's embeddings in, a scalar out.

Imitation losses need no labels: row `i` of both batches belongs to the same example.
"""

from typing import Any

import tensorflow as tf


class ImitationLoss(tf.keras.layers.Layer):
    """How far a student's embeddings of one batch are from its teacher's.

    `loss(student, teacher)` is a float32 scalar of at least 0, and 0 where the two are equal. It
    and its gradient are finite on every batch of at least one example, also where embeddings
    coincide. The teacher is a constant: no gradient flows into it. Embeddings of any floating type
    are taken and worked on in float32.

    Subclasses write `call` as one line over a pure function that stands beside them.

    Attributes:
        needs_equal_sizes: Whether the embeddings themselves are compared, so that both must be of
            one size; losses that compare distances or similarities within a batch do not care.
    """

    needs_equal_sizes = False

    def __init__(self, *, name: str | None = None):
        super().__init__(name=name, dtype="float32")

    def call(self, student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        """The loss of one batch.

        Args:
            student: floating `[B, D]`.
            teacher: floating `[B, D']`, of the same examples.

        Returns:
            float32 scalar.

        Raises:
            ValueError: If the shapes or types are not these.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define call.")

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


def checked_embeddings(
    student: tf.Tensor, teacher: tf.Tensor, *, equal_sizes: bool = False
) -> tuple[tf.Tensor, tf.Tensor]:
    """Both batches as every imitation loss works on them.

    Args:
        student: floating `[B, D]`.
        teacher: floating `[B, D']`.
        equal_sizes: Whether `D` and `D'` must be equal.

    Returns:
        float32 `[B, D]` and, as a constant, float32 `[B, D']`.

    Raises:
        ValueError: If a rank, a type, the batch size or, where it matters, the embedding size does
            not fit, as far as it is known when the graph is built.
    """
    batches = {
        "student": tf.convert_to_tensor(student),
        "teacher": tf.convert_to_tensor(teacher),
    }
    for name, embeddings in batches.items():
        if not embeddings.dtype.is_floating:
            raise ValueError(f"{name} must be floating, got {embeddings.dtype.name}.")
        if embeddings.shape.rank not in (None, 2):
            raise ValueError(f"{name} must have shape [B, D], got {embeddings.shape}.")
    student, teacher = batches.values()
    if not student.shape[:1].is_compatible_with(teacher.shape[:1]):
        raise ValueError(
            "student and teacher must have the same batch size, got shapes "
            f"{student.shape} and {teacher.shape}."
        )
    if equal_sizes and not student.shape[1:].is_compatible_with(teacher.shape[1:]):
        raise ValueError(
            "student and teacher must have the same embedding size, got shapes "
            f"{student.shape} and {teacher.shape}; a projection makes them equal."
        )
    return tf.cast(student, tf.float32), tf.stop_gradient(tf.cast(teacher, tf.float32))
