"""Imitation of the distances between embeddings (Yu et al., CVPR 2019)."""

from typing import Any

import tensorflow as tf

from rtml_tf.losses import pairs
from rtml_tf.losses.imitation_loss import ImitationLoss, checked_embeddings


def relative_imitation(
    student: tf.Tensor, teacher: tf.Tensor, *, normalize: bool = False
) -> tf.Tensor:
    """The Frobenius norm of the difference of the two matrices of distances.

    `|D_S - D_T|_F`, with `D` the `[B, B]` euclidean distances within the batch: the relative
    teacher of Yu et al., "Learning metrics from teachers", CVPR 2019, over the whole matrices and
    not divided by anything, as in the authors' code. It then grows in proportion to `B`;
    normalised it is divided by `B`, the root of the mean squared difference. Adam does not notice
    unless other losses stand beside it.

    Args:
        student: floating `[B, D]`.
        teacher: floating `[B, D']`.
        normalize: Whether to divide by `B`.

    Returns:
        float32 scalar of at least 0.
    """
    student, teacher = checked_embeddings(student, teacher)
    differences = pairs.distances_within(student) - pairs.distances_within(teacher)  # [B, B]
    norm = pairs.square_root(tf.reduce_sum(tf.square(differences)))
    return norm / tf.cast(tf.shape(student)[0], tf.float32) if normalize else norm


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RelativeImitation(ImitationLoss):
    """`relative_imitation` as a layer.

    Attributes:
        normalize: As in `relative_imitation`.
    """

    def __init__(self, *, normalize: bool = False, name: str | None = None):
        super().__init__(name=name)
        self.normalize = bool(normalize)

    def call(self, student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        return relative_imitation(student, teacher, normalize=self.normalize)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "normalize": self.normalize}
