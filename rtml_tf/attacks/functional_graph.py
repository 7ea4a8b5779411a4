"""The graph of a functional Keras network: its calls of layers, in an order that can be run."""

import collections
from typing import Any

import tensorflow as tf

# The class behind `tf.keras.Model(inputs, outputs)` has no public name of its own.
_FUNCTIONAL = tf.keras.Sequential.__bases__[0]


def is_functional(network: Any) -> bool:
    """Whether the network is a graph of layers from one tensor to one tensor, and nothing else.

    False for subclassed models that compute something of their own in `call`, and for a
    `Sequential` that does not know its input's shape yet.
    """
    if not isinstance(network, _FUNCTIONAL):
        return False
    if type(network).call not in (_FUNCTIONAL.call, tf.keras.Sequential.call):
        return False
    return (
        isinstance(network.inputs, list)
        and isinstance(network.outputs, list)
        and len(network.inputs) == len(network.outputs) == 1
    )


def calls_in_order(network: tf.keras.Model) -> list:
    """The calls of layers (Keras nodes) that the output depends on, inputs before outputs.

    A node has `layer`, `call_args`, `call_kwargs` and `outputs`; the tensors in them are Keras's
    symbolic ones, whose `id` names them.

    Args:
        network: One for which `is_functional` holds.
    """
    given = {id(tensor) for tensor in network.inputs}
    ordered, finished = [], set()
    stack = [(tensor, False) for tensor in network.outputs]
    # Depth first without recursion: deep networks have more calls than Python allows frames.
    while stack:
        tensor, inputs_done = stack.pop()
        node = tensor.node
        if id(tensor) in given or id(node) in finished:
            continue
        if inputs_done:
            finished.add(id(node))
            ordered.append(node)
        else:
            stack.append((tensor, True))
            stack.extend((needed, False) for needed in node.keras_inputs)
    return ordered


def uses(network: tf.keras.Model, calls: list) -> dict[int, list]:
    """Which calls read a tensor, by the tensor's `id`; None stands for the network's output."""
    readers = collections.defaultdict(list)
    for node in calls:
        for tensor in node.keras_inputs:
            readers[id(tensor)].append(node)
    for tensor in network.outputs:
        readers[id(tensor)].append(None)
    return readers


def only_tensor(node: Any) -> Any:
    """The single symbolic tensor that a call reads and the single one it gives, or None.

    None where the call has more arguments than its first (`training=False` aside), so that it
    cannot be replaced by a function of one tensor.
    """
    arguments = dict(node.call_kwargs)
    if arguments.pop("training", None) not in (None, False):
        return None
    if arguments or len(node.call_args) != 1 or len(node.keras_inputs) != 1:
        return None
    if node.call_args[0] is not node.keras_inputs[0]:
        return None
    outputs = tf.nest.flatten(node.outputs)
    return (node.keras_inputs[0], outputs[0]) if len(outputs) == 1 else None
