"""The size of a network: parameters, bytes, multiply-adds."""

import dataclasses
import math

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class NetworkSummary:
    """The size of a network. `str()` of it is one line.

    Attributes:
        name: The name of the network.
        input_shape: The shape of one input example.
        output_shape: The shape of one output.
        trainable_parameters: Numbers that an optimizer changes.
        non_trainable_parameters: The others, such as running statistics of batch norms.
        bytes: What all parameters take in memory in the type in which they are stored.
        multiply_adds: Multiplications (each with its addition) for one example in convolutions and
            matrix products; half the usual count of FLOPs.
    """

    name: str
    input_shape: tuple[int | None, ...]
    output_shape: tuple[int | None, ...]
    trainable_parameters: int
    non_trainable_parameters: int
    bytes: int
    multiply_adds: int

    def __str__(self) -> str:
        return (
            f"{self.name}: {_shape(self.input_shape)} -> {_shape(self.output_shape)}, "
            f"{self.trainable_parameters:,} trainable and {self.non_trainable_parameters:,} other "
            f"parameters, {self.bytes / 1e6:.2f} MB, {self.multiply_adds / 1e6:.1f} M "
            "multiply-adds per example"
        )


def summarize(network: tf.keras.Model) -> NetworkSummary:
    """Counts the size of a network with one input and one output of known shapes.

    Multiply-adds are counted in the graph that the network runs for a batch of one, so nested
    networks, layers that are called twice and grouped convolutions are counted as they run.

    Raises:
        ValueError: If a shape is not known before the network runs, or the network has more than
            one input or output.
    """
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise ValueError(
            f"network {network.name!r} must have one input and one output, got "
            f"{len(network.inputs)} and {len(network.outputs)}."
        )
    return NetworkSummary(
        name=network.name,
        input_shape=tuple(network.inputs[0].shape[1:]),
        output_shape=tuple(network.outputs[0].shape[1:]),
        trainable_parameters=_count(network.trainable_weights),
        non_trainable_parameters=_count(network.non_trainable_weights),
        bytes=sum(math.prod(weight.shape) * weight.dtype.size for weight in network.weights),
        multiply_adds=_multiply_adds(network),
    )


def _count(weights: list[tf.Variable]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _shape(shape: tuple[int | None, ...]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape)


def _multiply_adds(network: tf.keras.Model) -> int:
    """Sums the products over the operations of the inference graph for one example."""
    image = network.inputs[0]
    spec = tf.TensorSpec([1, *image.shape[1:]], image.dtype)
    eager = tf.config.functions_run_eagerly()
    # Keras wraps grouped convolutions in a function of their own, which would hide them.
    tf.config.run_functions_eagerly(True)
    try:
        graph = tf.compat.v1.wrap_function(lambda x: network(x, training=False), [spec]).graph
    finally:
        tf.config.run_functions_eagerly(eager)
    return sum(_products(operation) for operation in graph.get_operations())


def _products(operation: tf.Operation) -> int:
    """Returns the multiplications of one operation: its outputs times the terms of each."""
    if operation.type in ("Conv2D", "DepthwiseConv2dNative"):
        height, width, channels, _ = _known(operation.inputs[1], operation)
        terms = height * width * (channels if operation.type == "Conv2D" else 1)
    elif operation.type in ("MatMul", "BatchMatMulV2"):
        transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
        terms = _known(operation.inputs[0], operation)[-2 if transposed else -1]
    else:
        return 0
    return math.prod(_known(operation.outputs[0], operation)) * terms


def _known(tensor: tf.Tensor, operation: tf.Operation) -> list[int]:
    if not tensor.shape.is_fully_defined():
        raise ValueError(
            f"The shape {tensor.shape} in {operation.name} must be known to count multiply-adds."
        )
    return tensor.shape.as_list()
