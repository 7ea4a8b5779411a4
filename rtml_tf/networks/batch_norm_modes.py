"""A network with the same weights whose batch norms work in another way."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from rtml_tf.layers.frozen_batch_norm import (
    FrozenAffineBatchNormalization,
    FrozenStatisticsBatchNormalization,
)


def freeze_batch_norm_statistics(*, network: tf.keras.Model) -> tf.keras.Model:
    """Returns a network that normalises by its running statistics while it is trained.

    Args:
        network: A functional network whose layers are all its own; stays as it is.

    Returns:
        A network with copies of its layers and weights, in which every batch norm is a
        `FrozenStatisticsBatchNormalization`.

    Raises:
        ValueError: If the network has no `tf.keras.layers.BatchNormalization`.
    """
    return _with_batch_norms(network, FrozenStatisticsBatchNormalization.from_config)


def freeze_batch_norm_affine(*, network: tf.keras.Model) -> tf.keras.Model:
    """Returns a network whose batch norms keep scale and shift, with live statistics.

    Args:
        network: A functional network whose layers are all its own; stays as it is.

    Returns:
        A network with copies of its layers and weights, in which every batch norm is a
        `FrozenAffineBatchNormalization`.

    Raises:
        ValueError: If the network has no `tf.keras.layers.BatchNormalization`.
    """
    return _with_batch_norms(network, FrozenAffineBatchNormalization.from_config)


def synchronize_batch_norm(*, network: tf.keras.Model) -> tf.keras.Model:
    """Returns a network that normalises by the statistics of the batches of all replicas.

    On one device it is what `network` is. (For batch norms with branches see `with_branches`.)
    Keras forgets it when layers are copied or saved, so this comes last, before training.

    Args:
        network: A functional network whose layers are all its own; stays as it is.

    Returns:
        A network with copies of its layers and weights.

    Raises:
        ValueError: If the network has no `tf.keras.layers.BatchNormalization`.
    """

    def synchronized(config: dict[str, Any]) -> tf.keras.layers.Layer:
        return tf.keras.layers.BatchNormalization(**{**config, "synchronized": True})

    return _with_batch_norms(network, synchronized)


def _with_batch_norms(
    network: tf.keras.Model, replacement: Callable[[dict[str, Any]], tf.keras.layers.Layer]
) -> tf.keras.Model:
    replaced = [x for x in network.layers if type(x) is tf.keras.layers.BatchNormalization]
    if not replaced:
        raise ValueError(
            f"network must have layers of type BatchNormalization, got {network.name!r} without "
            "any."
        )

    def copied(layer):
        copy_of = replacement if layer in replaced else type(layer).from_config
        return copy_of(layer.get_config())

    copy = tf.keras.models.clone_model(network, clone_function=copied)
    for layer in network.layers:
        copy.get_layer(layer.name).set_weights(layer.get_weights())
    return copy
