"""The endless numbers of the examples that a training set loads, from any place on."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def example_stream(
    *, epoch_indices: Callable[[int], np.ndarray], epoch_size: int, start: int
) -> tf.data.Dataset:
    """Examples of epoch after epoch, beginning anywhere.

    Where the stream begins does not change what comes at a position. The indices of the next epoch
    are drawn while those of this one are used.

    Args:
        epoch_indices: Gives the indices of an epoch, int64 `[epoch_size]`, by its number from 0; a
            pure function.
        epoch_size: Examples in an epoch.
        start: Position of the first example, counted over all epochs.

    Returns:
        A dataset of `(index, position)`, int64 scalars. The position makes a seed of its own for
        each example.
    """
    first_epoch, begin = divmod(start, epoch_size)

    def examples_of(epoch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # One operation with a state, and TensorFlow in its deterministic mode loads nothing in
        # parallel and nothing in advance, all the way down to the batches.
        indices = tf.numpy_function(
            lambda e: epoch_indices(int(e)), [epoch], tf.int64, stateful=False
        )
        positions = epoch * epoch_size + tf.range(epoch_size, dtype=tf.int64)
        begun = tf.where(epoch == first_epoch, begin, 0)
        return tf.ensure_shape(indices, [epoch_size])[begun:], positions[begun:]

    return (
        tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max)
        .map(examples_of)
        .prefetch(1)
        .flat_map(lambda *columns: tf.data.Dataset.from_tensor_slices(columns))
    )


def position_seed(seed: int, position: tf.Tensor) -> tf.Tensor:
    """The seed of the example at a position, int32 `[2]`."""
    return tf.random.stateless_uniform([2], tf.stack([seed, position]), None, None, tf.int32)


def shuffled(*, count: int, seed: int, epoch: int) -> np.ndarray:
    """The numbers `0..count-1` in the order of an epoch, int64 `[count]`."""
    # Raw bits, unlike numpy.random.Generator.permutation, are promised to stay the same in every
    # version of NumPy; a resumed run must not depend on it.
    sequence = np.random.SeedSequence(seed, spawn_key=(epoch,))
    return np.argsort(np.random.Philox(sequence).random_raw(count), kind="stable")
