"""A network with the same weights whose batch norms are partly frozen."""

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
    return _with_batch_norms(network, FrozenStatisticsBatchNormalization)


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
    return _with_batch_norms(network, FrozenAffineBatchNormalization)


def _with_batch_norms(network: tf.keras.Model, replacement: type) -> tf.keras.Model:
    replaced = [x for x in network.layers if type(x) is tf.keras.layers.BatchNormalization]
    if not replaced:
        raise ValueError(
            f"network must have layers of type BatchNormalization, got {network.name!r} without "
            "any."
        )

    def copied(layer):
        kind = replacement if layer in replaced else type(layer)
        return kind.from_config(layer.get_config())

    copy = tf.keras.models.clone_model(network, clone_function=copied)
    for layer in network.layers:
        copy.get_layer(layer.name).set_weights(layer.get_weights())
    return copy
