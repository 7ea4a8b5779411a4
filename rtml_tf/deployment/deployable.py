"""The part of a trained network that is deployed."""

import tensorflow as tf

from rtml_tf.networks.branches import branches_of, one_branch


def deployable_network(network: tf.keras.Model) -> tf.keras.Model:
    """Returns what computes the clean outputs of a network, in float32, with plain batch norms.

    Of a network with branches only the clean one is left. Layers that compute in a lower precision
    get float32: how numbers are stored is up to the file (see `form.Form`), and not every runtime
    knows bfloat16.

    Args:
        network: A functional network of images; it stays as it is.

    Returns:
        `network` itself if nothing is to be changed.

    Raises:
        ValueError: If the network does not take one batch of images, of known size.
    """
    if not isinstance(network, tf.keras.Model) or not network.inputs:
        raise ValueError(f"network must be a functional tf.keras.Model, got {network!r}.")
    shapes = [tuple(image.shape) for image in network.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or None in shapes[0][1:]:
        raise ValueError(
            f"The network {network.name!r} must have one input, images [B, H, W, C] of known size, "
            f"got {shapes}. A network of descriptors is deployed behind its view, see "
            "networks.view_network."
        )
    if branches_of(network):
        network = one_branch(network=network)
    if any(layer.compute_dtype != "float32" for layer in _layers(network)):
        network = _in_float32(network)
    return network


def _layers(network: tf.keras.Model) -> list[tf.keras.layers.Layer]:
    """All layers, those of nested networks in place of these."""
    return [
        part
        for part in network.submodules
        if isinstance(part, tf.keras.layers.Layer) and not isinstance(part, tf.keras.Model)
    ]


def _in_float32(network: tf.keras.Model) -> tf.keras.Model:
    def clone(layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
        if isinstance(layer, tf.keras.Model):
            return tf.keras.models.clone_model(layer, clone_function=clone)
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    cloned = clone(network)
    cloned.set_weights(network.get_weights())
    return cloned
