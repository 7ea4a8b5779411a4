"""Two networks, one after the other, as one, and the second of them again."""

from typing import Any

import tensorflow as tf


def join_networks(*, first: tf.keras.Model, second: tf.keras.Model) -> tf.keras.Model:
    """Returns `second(first(x))` as one functional network whose layers are all its own.

    Calling `second` on the output of `first` would nest it, which hides its batch norms from
    everything that rewrites networks. Here the two configurations are joined and the weights
    copied, so that both networks stay as they are.

    Args:
        first: A functional network with one output.
        second: A functional network with one input, of the same shape. No layer has the name of
            one in `first`, but for the input layer.

    Returns:
        The network, called like `second`, its layers called like theirs.
    """
    head, tail = first.get_config(), second.get_config()
    output, replaced = head["output_layers"][0][0], tail["input_layers"][0][0]
    layers = [layer for layer in tail["layers"] if layer["name"] != replaced]
    for layer in layers:
        layer["inbound_nodes"] = _renamed(layer["inbound_nodes"], replaced, output)
    # Keras does not find every layer of its own applications by itself.
    classes = {type(x).__name__: type(x) for x in (*first.layers, *second.layers)}
    with tf.keras.utils.custom_object_scope(classes):
        joined = tf.keras.Model.from_config(
            {
                "name": second.name,
                "layers": head["layers"] + layers,
                "input_layers": head["input_layers"],
                "output_layers": tail["output_layers"],
            }
        )
    # A layer of the first may be called like the input of the second.
    kept = (layer for layer in second.layers if layer.name != replaced)
    for layer in (*first.layers, *kept):
        joined.get_layer(layer.name).set_weights(layer.get_weights())
    return joined


def part_after(*, network: tf.keras.Model, layer: str) -> tf.keras.Model:
    """Returns the part of a network that follows one of its layers.

    Args:
        network: A functional network through whose `layer` all of its output comes.
        layer: The name of the layer.

    Returns:
        The network from the output of `layer`; its layers, and so its weights, are those of
        `network` themselves.
    """
    return tf.keras.Model(network.get_layer(layer).output, network.output, name=network.name)


def _renamed(nodes: Any, old: str, new: str) -> Any:
    """Returns the nested `[layer name, node, tensor, arguments]` with one layer renamed."""
    if isinstance(nodes, (list, tuple)):
        return [_renamed(node, old, new) for node in nodes]
    if isinstance(nodes, dict):
        return {key: _renamed(node, old, new) for key, node in nodes.items()}
    return new if nodes == old else nodes
