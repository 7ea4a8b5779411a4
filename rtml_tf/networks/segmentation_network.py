"""What a segmentation network must be, and the weights of its two heads."""

from collections.abc import Mapping

import tensorflow as tf


def check_segmentation_network(network: tf.keras.Model) -> None:
    """Checks that a network turns a batch of images into two logit maps.

    Args:
        network: A built Keras model.

    Raises:
        ValueError: If it has not exactly one input, of shape `[B, H, W, C]`, and the outputs
            `{"p1": ..., "p2": ...}`, both float32 `[B, h, w, K]` of one shape.
    """
    if not isinstance(network, tf.keras.Model) or not network.inputs or not network.outputs:
        raise ValueError(f"network must be a functional tf.keras.Model, got {network!r}.")
    inputs, name = network.inputs, network.name
    if len(inputs) != 1 or inputs[0].shape.rank != 4:
        raise ValueError(
            f"network {name!r} must have one input, [B, H, W, C], got "
            f"{[tuple(x.shape) for x in inputs]}."
        )
    outputs = network.output
    if not isinstance(outputs, Mapping) or set(outputs) != {"p1", "p2"}:
        raise ValueError(
            f'network {name!r} must have the outputs {{"p1": ..., "p2": ...}}, got {outputs}.'
        )
    shapes = {key: tuple(output.shape) for key, output in outputs.items()}
    if shapes["p1"] != shapes["p2"] or len(shapes["p1"]) != 4 or shapes["p1"][-1] is None:
        raise ValueError(
            f"network {name!r} must return two logit maps of one shape [B, h, w, K], got {shapes}."
        )
    dtypes = {output.dtype.name for output in outputs.values()}
    if dtypes != {"float32"}:
        raise ValueError(
            f"network {name!r} must return float32 logits, got {sorted(dtypes)}; give its last "
            'layers dtype="float32".'
        )


def head_variables(network: tf.keras.Model, head: str) -> list[tf.Variable]:
    """The trainable weights of one head: those of the layers called `{head}_...`, in their order.

    Args:
        network: A segmentation network.
        head: "p1" or "p2".

    Raises:
        ValueError: If there are none.
    """
    layers = [x for x in network.layers if x.name == head or x.name.startswith(f"{head}_")]
    variables = [variable for layer in layers for variable in layer.trainable_variables]
    if not variables:
        raise ValueError(
            f"network {network.name!r} must have layers called {head}_... with weights, got "
            f"{[layer.name for layer in network.layers]}."
        )
    return variables
