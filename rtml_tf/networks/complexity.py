"""How much a network computes: its multiply-adds."""

import math

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2


def multiply_adds(network: tf.keras.Model) -> int:
    """Counts the multiplications (each with its addition) that one example takes.

    Those of convolutions and matrix products count; batch norms (which fold into them),
    activations, pooling and whatever else costs a few operations a value do not. Papers on small
    networks call these FLOPs or MAdds; elsewhere one of them is two FLOPs.

    They are counted in the graph that the network runs for a batch of one, so nested networks,
    layers that are called twice and grouped convolutions are counted as they run.

    Args:
        network: A built network with one input.

    Raises:
        ValueError: If a shape is not known before the network runs, or an operation multiplies
            matrices in a way that cannot be counted.
    """
    (inputs,) = network.inputs
    spec = tf.TensorSpec([1, *inputs.shape[1:]], inputs.dtype)
    eager = tf.config.functions_run_eagerly()
    # Keras wraps its grouped convolutions in a function of their own, which would hide them.
    tf.config.run_functions_eagerly(True)
    try:
        function = tf.compat.v1.wrap_function(lambda x: network(x, training=False), [spec])
    finally:
        tf.config.run_functions_eagerly(eager)
    operations = function.graph.get_operations()
    if any("Call" in operation.type for operation in operations):
        # The functions of a SavedModel are called, until they are written out in a frozen copy.
        operations = convert_variables_to_constants_v2(function).graph.get_operations()
    return sum(_products(operation) for operation in operations)


def _products(operation: tf.Operation) -> int:
    """Returns the multiplications of one operation; 0 for those that are not counted."""
    kind = operation.type
    if kind in ("Conv2D", "DepthwiseConv2dNative"):
        height, width, channels, _ = _shape(operation.inputs[1])
        terms = height * width * (channels if kind == "Conv2D" else 1)
        return math.prod(_shape(_without_dilation(operation.outputs[0]))) * terms
    if kind == "Conv2DBackpropInput":  # The transposed convolution.
        _, kernel, features = operation.inputs
        return math.prod(_shape(features)) * math.prod(_shape(kernel)[:3])
    if kind in ("MatMul", "BatchMatMulV2"):
        transposed = operation.get_attr("transpose_a" if kind == "MatMul" else "adj_x")
        terms = _shape(operation.inputs[0])[-2 if transposed else -1]
        return math.prod(_shape(operation.outputs[0])) * terms
    if kind == "Einsum" and b"." not in operation.get_attr("equation"):
        factors = operation.get_attr("equation").decode().split("->")[0].split(",")
        sizes = {}
        for labels, tensor in zip(factors, operation.inputs):
            sizes.update(zip(labels, _shape(tensor)))
        return math.prod(sizes.values())
    if any(heavy in kind for heavy in ("Call", "Conv", "Einsum", "MatMul", "While")):
        raise ValueError(f"The multiply-adds of {kind} ({operation.name}) cannot be counted.")
    return 0


def _without_dilation(tensor: tf.Tensor) -> tf.Tensor:
    """Returns the outputs of a dilated convolution without the padding that it runs on."""
    for reader in tensor.consumers():
        if reader.type == "BatchToSpaceND":
            return reader.outputs[0]
    return tensor


def _shape(tensor: tf.Tensor) -> list[int]:
    if not tensor.shape.is_fully_defined():
        raise ValueError(
            f"The shape {tensor.shape} of {tensor.op.name} must be known to count multiply-adds."
        )
    return tensor.shape.as_list()
