"""What an embedding network must be, checked before it is trained or evaluated."""

from collections.abc import Sequence

import tensorflow as tf


def check_network(network: tf.keras.Model) -> None:
    """Checks that a network turns one batch of inputs into one batch of embeddings.

    Args:
        network: A built Keras model.

    Raises:
        ValueError: If it has not exactly one input, of shape `[B, H, W, C]` (images) or `[B, F]`
            (descriptors), and one float32 output of shape `[B, D]`.
    """
    if not isinstance(network, tf.keras.Model):
        raise ValueError(f"network must be a tf.keras.Model, got {network!r}.")
    name = network.name
    if not network.inputs or not network.outputs:
        raise ValueError(f"network {name!r} must be built, with inputs and outputs of known shape.")
    inputs, outputs = tf.nest.flatten(network.inputs), tf.nest.flatten(network.outputs)
    if len(inputs) != 1 or inputs[0].shape.rank not in (2, 4):
        raise ValueError(
            f"network {name!r} must have one input, [B, H, W, C] or [B, F], got {_shapes(inputs)}."
        )
    if len(outputs) != 1 or outputs[0].shape.rank != 2 or outputs[0].shape[-1] is None:
        raise ValueError(f"network {name!r} must have one output, [B, D], got {_shapes(outputs)}.")
    if outputs[0].dtype != tf.float32:
        raise ValueError(
            f"network {name!r} must return float32 embeddings, got {outputs[0].dtype.name}; give "
            'its last layer dtype="float32".'
        )


def check_input_shape(network: tf.keras.Model, given: tf.TensorShape | Sequence[int]) -> None:
    """Refuses inputs that a network was not built for.

    Args:
        network: A network; one that does not know its input shape takes any.
        given: Shape of one example, such as `(H, W, C)`.

    Raises:
        ValueError: If the shapes differ; names both.
    """
    wanted = getattr(network, "input_shape", None)
    if wanted is None:
        return
    if not tf.TensorShape(wanted[1:]).is_compatible_with(given):
        raise ValueError(
            f"The network {network.name!r} takes inputs of shape {tuple(wanted[1:])}, but the data "
            f"gives {tuple(given)}."
        )


def check_differentiable(network: tf.keras.Model, input_shape: Sequence[int]) -> None:
    """Refuses a network that passes no gradient to its inputs, on which such attacks find nothing.

    Args:
        network: A network that takes these inputs; it is traced once, and nothing is computed.
        input_shape: Shape of one example, such as `(H, W, C)`.

    Raises:
        ValueError: If no gradient can come.
    """

    @tf.function(autograph=False)
    def gradient(inputs: tf.Tensor) -> tf.Tensor | None:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            embeddings = network(inputs, training=False)
        return tape.gradient(embeddings, inputs)

    traced = gradient.get_concrete_function(tf.TensorSpec([None, *input_shape], tf.float32))
    if traced.structured_outputs is None:
        raise ValueError(
            f"The network {network.name!r} passes no gradient to its inputs (local binary patterns "
            "and rounding have none): an attack by gradient would find nothing. Give another "
            "network to attack in its place (a surrogate), or a search without gradients (SPSA)."
        )


def _shapes(tensors: list) -> str:
    return ", ".join(str(tensor.shape) for tensor in tensors)
