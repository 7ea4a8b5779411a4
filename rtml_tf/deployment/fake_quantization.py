"""A network that rounds as its int8 file will: what quantisation-aware tuning trains."""

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from rtml_tf.attacks import batch_norm_folding as folding
from rtml_tf.attacks import functional_graph

# TFLite computes these together with the linear layer or the sum before them.
_ACTIVATIONS = (tf.keras.layers.Activation, tf.keras.layers.ReLU)
_ROUNDED = (*folding.LINEAR_LAYERS, *_ACTIVATIONS, tf.keras.layers.Add)
_SMALLEST_RANGE = 1e-6


class FakeQuantizedLinear(tf.keras.layers.Layer):
    """A linear layer and the batch norm after it as one kernel and bias.

    In training mode the kernel is rounded to 8 bits: symmetrically, in dense layers with one scale,
    in others with one for each output channel. In inference mode it is as it is: the converter of
    TFLite rounds it in the same way.

    Attributes:
        kernel: The kernel, of the layer's own shape.
        bias: The bias, or None.
    """

    def __init__(
        self, layer: tf.keras.layers.Layer, statistics: folding.BatchNormStatistics | None
    ):
        """Copies the weights.

        Args:
            layer: One for which `batch_norm_folding.is_linear` holds.
            statistics: Those of the batch norm after it; None for the layer alone.
        """
        super().__init__(name=layer.name, dtype="float32")
        kernel, bias = folding.folded_kernel_and_bias(layer, statistics)
        self.kernel = tf.Variable(kernel, name="kernel")
        self.bias = None if bias is None else tf.Variable(bias, name="bias")
        self._activation = layer.activation
        # Captured, so that its own weights are not tracked.
        self._compute = lambda *arguments: folding.apply_linear(layer, *arguments)
        # One for each output channel; a depthwise kernel is [h, w, in, multiplier].
        self._scales = int(np.prod(kernel.shape[2 if _is_depthwise(layer) else -1 :]))
        if type(layer) is tf.keras.layers.Dense:
            self._scales = 1

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        kernel = self._rounded_kernel() if training else self.kernel
        return self._activation(self._compute(inputs, kernel, self.bias))

    def _rounded_kernel(self) -> tf.Tensor:
        flat = tf.reshape(self.kernel, [-1, self._scales])
        limits = tf.stop_gradient(tf.reduce_max(tf.abs(flat), axis=0))
        limits = tf.maximum(limits, _SMALLEST_RANGE)
        flat = tf.quantization.fake_quant_with_min_max_vars_per_channel(
            flat, -limits, limits, num_bits=8, narrow_range=True
        )
        return tf.reshape(flat, self.kernel.shape)


class FakeQuantizedRange(tf.keras.layers.Layer):
    """Rounds activations to 8 bits within a range, which the converter of TFLite takes over.

    Attributes:
        low: The lower end, at most 0.
        high: The upper end, at least a little above 0.
        observing: Whether a call widens the range to its inputs and rounds nothing; only where
            calls are eager.
    """

    def __init__(self, name: str):
        super().__init__(name=name, dtype="float32")
        self.low = tf.Variable(0.0, name="low", constraint=lambda low: tf.minimum(low, 0.0))
        self.high = tf.Variable(
            _SMALLEST_RANGE,
            name="high",
            constraint=lambda high: tf.maximum(high, _SMALLEST_RANGE),
        )
        self.observing = False

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        if self.observing:
            self.low.assign(tf.minimum(self.low, tf.reduce_min(inputs)))
            self.high.assign(tf.maximum(self.high, tf.reduce_max(inputs)))
            return inputs
        return tf.quantization.fake_quant_with_min_max_vars(inputs, self.low, self.high)


def fake_quantized_network(network: tf.keras.Model) -> tf.keras.Model:
    """A copy of a network with `FakeQuantizedLinear` and `FakeQuantizedRange` in it.

    Linear layers and the batch norms after them become one. Their outputs, and those of
    activations and sums, have a range, unless an activation follows that TFLite computes together
    with them. Everything else is copied, runs in inference mode, and gets its ranges from examples
    when it is converted. The ranges are empty; see `observe_ranges`.

    Args:
        network: From `deployable.deployable_network`; it stays as it is.

    Raises:
        ValueError: If the network is no graph of layers from one tensor to one.
    """
    if not functional_graph.is_functional(network):
        raise ValueError(
            f"The network {network.name!r} must be a functional network of one output to be tuned."
        )
    copy = tf.keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return _rebuilt(copy)


def observe_ranges(network: tf.keras.Model, images: np.ndarray, batch_size: int) -> None:
    """Gives every range what it sees of images, as quantisation after training does.

    Args:
        network: From `fake_quantized_network`.
        images: float32 `[N, H, W, C]`.
        batch_size: Images at once.
    """
    ranges = [part for part in network.submodules if isinstance(part, FakeQuantizedRange)]
    for part in ranges:
        part.observing = True
    for start in range(0, len(images), batch_size):
        network(images[start : start + batch_size], training=False)
    for part in ranges:
        part.observing = False


def tuned_variables(network: tf.keras.Model) -> Iterator[tf.Variable]:
    """The kernels, biases and ranges of a network from `fake_quantized_network`."""
    for part in network.submodules:
        if isinstance(part, FakeQuantizedLinear):
            yield part.kernel
            if part.bias is not None:
                yield part.bias
        elif isinstance(part, FakeQuantizedRange):
            yield part.low
            yield part.high


def _rebuilt(network: tf.keras.Model) -> tf.keras.Model:
    calls = functional_graph.calls_in_order(network)
    readers = functional_graph.uses(network, calls)
    image = tf.keras.Input(network.input_shape[1:], name=network.input_names[0])
    values = {id(network.inputs[0]): image}
    done = set()
    for node in calls:
        if id(node) in done:
            continue
        batch_norm = _batch_norm_of(node, readers)
        done.add(id(batch_norm))
        last = node if batch_norm is None else batch_norm
        args, kwargs = tf.nest.map_structure(
            lambda leaf: values.get(id(leaf), leaf), (node.call_args, node.call_kwargs)
        )
        outputs = _called(node, batch_norm, args, kwargs)
        if type(node.layer) in _ROUNDED and not _feeds_activation(last, readers):
            outputs = FakeQuantizedRange(f"{last.layer.name}_range")(outputs)
        old, new = tf.nest.flatten(last.outputs), tf.nest.flatten(outputs)
        values.update(zip(map(id, old), new, strict=True))
    return tf.keras.Model(image, values[id(network.outputs[0])], name=network.name)


def _called(node: Any, batch_norm: Any, args: tuple, kwargs: dict) -> Any:
    layer = node.layer
    if functional_graph.only_tensor(node) is not None:
        if folding.is_linear(layer):
            statistics = None
            if batch_norm is not None:
                statistics = folding.keras_batch_norm_statistics(batch_norm.layer)
            return FakeQuantizedLinear(layer, statistics)(args[0])
        if functional_graph.is_functional(layer):
            return _rebuilt(layer)(args[0])
    if "training" in inspect.signature(layer.call).parameters:
        kwargs = {**kwargs, "training": False}
    return layer(*args, **kwargs)


def _batch_norm_of(node: Any, readers: dict[int, list]) -> Any:
    """The call of a batch norm that alone reads what this linear call gives, or None."""
    if not folding.is_linear(node.layer) or functional_graph.only_tensor(node) is None:
        return None
    if node.layer.activation is not tf.keras.activations.linear:
        return None
    (reader, *others) = readers[id(node.outputs)]
    if others or reader is None or functional_graph.only_tensor(reader) is None:
        return None
    return None if folding.keras_batch_norm_statistics(reader.layer) is None else reader


def _feeds_activation(node: Any, readers: dict[int, list]) -> bool:
    reading = readers[id(node.outputs)]
    return len(reading) == 1 and reading[0] is not None and type(reading[0].layer) in _ACTIVATIONS


def _is_depthwise(layer: tf.keras.layers.Layer) -> bool:
    return type(layer) is tf.keras.layers.DepthwiseConv2D
