"""Arithmetic on lists of gradients, of which some may be sparse and some missing."""

from collections.abc import Sequence

import tensorflow as tf

Gradient = tf.Tensor | tf.IndexedSlices | None


def summed_over_replicas(gradients: Sequence[Gradient]) -> list[Gradient]:
    """Every gradient as the sum of those of all replicas; `None` stays `None`."""
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return list(gradients)
    present = [gradient for gradient in gradients if gradient is not None]
    summed = iter(
        tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, present)
    )
    return [None if gradient is None else next(summed) for gradient in gradients]


def weighted_sum(
    ours: Sequence[Gradient], our_weight: float, theirs: Sequence[Gradient], their_weight: float
) -> list[Gradient]:
    """`our_weight * ours + their_weight * theirs`, sparse where both are sparse."""
    return [
        _added(weighted(a, our_weight), weighted(b, their_weight)) for a, b in zip(ours, theirs)
    ]


def weighted(gradient: Gradient, weight: float) -> Gradient:
    """`weight * gradient`; `None` stays `None`."""
    if isinstance(gradient, tf.IndexedSlices):
        values = weight * gradient.values
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return None if gradient is None else weight * gradient


def elements_sum(gradient: Gradient) -> tf.Tensor:
    """The sum of all elements, a float32 scalar; 0 for `None`."""
    if gradient is None:
        return tf.constant(0.0)
    values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
    return tf.cast(tf.reduce_sum(values), tf.float32)


def _added(ours: Gradient, theirs: Gradient) -> Gradient:
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    if isinstance(ours, tf.IndexedSlices) and isinstance(theirs, tf.IndexedSlices):
        # Slices of one index are added up where they are used.
        return tf.IndexedSlices(
            tf.concat([ours.values, theirs.values], axis=0),
            tf.concat([ours.indices, theirs.indices], axis=0),
            ours.dense_shape,
        )
    return tf.convert_to_tensor(ours) + tf.convert_to_tensor(theirs)
