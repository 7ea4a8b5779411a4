"""Imitation of the embeddings themselves."""

from typing import Any

import tensorflow as tf

from rtml_tf.losses import pairs
from rtml_tf.losses.imitation_loss import ImitationLoss, checked_embeddings


def absolute_imitation(
    student: tf.Tensor, teacher: tf.Tensor, *, squared: bool = True
) -> tf.Tensor:
    """The mean distance between each embedding and its teacher's.

    `1/B sum_i |g_i - f_i|^2` is the imitation loss of RMT (Yang et al., MMSP 2022, stage 2). Not
    squared, `1/B sum_i |g_i - f_i|`, it is the absolute teacher of Yu et al., "Learning metrics
    from teachers", CVPR 2019, as in the authors' code.

    Between embeddings of length 1 the squared form is `2 - 2 cos`: its gradient fades as the
    student gets near, where that of the other keeps its length.

    Args:
        student: floating `[B, D]`.
        teacher: floating `[B, D]`.
        squared: Squared distances, in [0, 4] between embeddings of length 1, instead of
            distances, in [0, 2].

    Returns:
        float32 scalar of at least 0.
    """
    student, teacher = checked_embeddings(student, teacher, equal_sizes=True)
    distances = tf.reduce_sum(tf.math.squared_difference(student, teacher), axis=1)
    return tf.reduce_mean(distances if squared else pairs.square_root(distances))


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class AbsoluteImitation(ImitationLoss):
    """`absolute_imitation` as a layer.

    Attributes:
        squared: As in `absolute_imitation`.
    """

    needs_equal_sizes = True

    def __init__(self, *, squared: bool = True, name: str | None = None):
        super().__init__(name=name)
        self.squared = bool(squared)

    def call(self, student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        return absolute_imitation(student, teacher, squared=self.squared)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "squared": self.squared}
