"""The size of a network: parameters, bytes, multiply-adds."""

import dataclasses
import math

import tensorflow as tf

from rtml_tf.networks.complexity import multiply_adds


@dataclasses.dataclass(frozen=True)
class NetworkSummary:
    """The size of a network. `str()` of it is one line.

    Attributes:
        name: The name of the network.
        input_shape: The shape of one input example.
        output_shapes: The shape of each output, for one example.
        trainable_parameters: Numbers that an optimizer changes.
        non_trainable_parameters: The others, such as running statistics of batch norms.
        bytes: What all parameters take in memory in the type in which they are stored.
        multiply_adds: Multiplications (each with its addition) for one example in convolutions and
            matrix products (`rtml_tf.networks.complexity`); None if they depend on the size of the
            input, which is free.
    """

    name: str
    input_shape: tuple[int | None, ...]
    output_shapes: tuple[tuple[int | None, ...], ...]
    trainable_parameters: int
    non_trainable_parameters: int
    bytes: int
    multiply_adds: int | None

    @property
    def parameters(self) -> int:
        """All numbers that the network stores, trainable or not."""
        return self.trainable_parameters + self.non_trainable_parameters

    def __str__(self) -> str:
        outputs = " and ".join(_shape(shape) for shape in self.output_shapes)
        free = self.multiply_adds is None
        cost = "" if free else f", {self.multiply_adds / 1e6:.1f} M multiply-adds per example"
        return (
            f"{self.name}: {_shape(self.input_shape)} -> {outputs}, "
            f"{self.trainable_parameters:,} trainable and {self.non_trainable_parameters:,} other "
            f"parameters, {self.bytes / 1e6:.2f} MB{cost}"
        )


def summarize(network: tf.keras.Model) -> NetworkSummary:
    """Counts the size of a network with one input.

    Raises:
        ValueError: If the network has more than one input, or a shape that does not follow from
            that of the input.
    """
    if len(network.inputs) != 1:
        raise ValueError(
            f"network {network.name!r} must have one input, got {len(network.inputs)}."
        )
    input_shape = tuple(network.inputs[0].shape[1:])
    return NetworkSummary(
        name=network.name,
        input_shape=input_shape,
        output_shapes=tuple(tuple(output.shape[1:]) for output in network.outputs),
        trainable_parameters=_count(network.trainable_weights),
        non_trainable_parameters=_count(network.non_trainable_weights),
        bytes=sum(math.prod(weight.shape) * weight.dtype.size for weight in network.weights),
        multiply_adds=None if None in input_shape else multiply_adds(network),
    )


def _count(weights: list[tf.Variable]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _shape(shape: tuple[int | None, ...]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape)
