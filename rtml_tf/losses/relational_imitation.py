"""Relational knowledge distillation: distances and angles (Park et al., CVPR 2019).

Both losses compare what does not change when all embeddings are moved, turned or scaled together,
so a student may be of another size than its teacher. The authors' scripts for metric learning weigh
them 1 and 2: `CombinedImitation(losses=[DistanceWiseImitation(), AngleWiseImitation()],
weights=[1, 2])`. Their students are not L2-normalised; those of this toolkit are.
"""

import tensorflow as tf

from rtml_tf.losses import pairs
from rtml_tf.losses.imitation_loss import ImitationLoss, checked_embeddings


def distance_wise_imitation(student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """The Huber loss between distances, each in units of its batch's mean distance (RKD-D).

    Section 3.2.1 of the paper; the mean distance is that of the pairs that lie apart, and the
    loss is averaged over all `B * B` entries, as in the authors' code.

    Args:
        student: floating `[B, D]`.
        teacher: floating `[B, D']`.

    Returns:
        float32 scalar of at least 0.
    """
    student, teacher = checked_embeddings(student, teacher)
    return _mean_huber(_relative_distances(student), _relative_distances(teacher))


def angle_wise_imitation(student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """The Huber loss between the cosines of the angles of all triplets (RKD-A).

    Section 3.2.2 of the paper, averaged over all `B * B * B` entries as in the authors' code.
    An angle whose legs are not two has the cosine 0, whatever the embeddings. Memory grows with
    `B * B * (B + D)`.

    Args:
        student: floating `[B, D]`.
        teacher: floating `[B, D']`.

    Returns:
        float32 scalar of at least 0.
    """
    student, teacher = checked_embeddings(student, teacher)
    return _mean_huber(_cosines_of_angles(student), _cosines_of_angles(teacher))


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class DistanceWiseImitation(ImitationLoss):
    """`distance_wise_imitation` as a layer."""

    def call(self, student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        return distance_wise_imitation(student, teacher)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class AngleWiseImitation(ImitationLoss):
    """`angle_wise_imitation` as a layer."""

    def call(self, student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        return angle_wise_imitation(student, teacher)


def _relative_distances(embeddings: tf.Tensor) -> tf.Tensor:
    """Distances in units of their mean: `[B, D]` -> `[B, B]`; 0 where all embeddings coincide."""
    distances = pairs.distances_within(embeddings)
    return tf.math.divide_no_nan(distances, pairs.masked_mean(distances, distances > 0.0))


def _cosines_of_angles(embeddings: tf.Tensor) -> tf.Tensor:
    """Cosine of the angle at `j` between `i` and `k`: `[B, D]` -> `[B, B, B]`, indexed `jik`."""
    legs = embeddings[tf.newaxis, :, :] - embeddings[:, tf.newaxis, :]  # [B, B, D], from j to i
    lengths = pairs.square_root(tf.reduce_sum(tf.square(legs), axis=2, keepdims=True))
    directions = tf.math.divide_no_nan(legs, lengths)
    return tf.matmul(directions, directions, transpose_b=True)


def _mean_huber(values: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.keras.losses.huber(targets, values, delta=1.0))
