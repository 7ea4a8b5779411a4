"""How an inference view runs a network: each call of a layer as a function of tensors."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from rtml_tf.attacks import batch_norm_folding as folding
from rtml_tf.attacks import functional_graph, unrolled_convolution
from rtml_tf.layers.channel_shuffle import ChannelShuffle
from rtml_tf.layers.channel_split import ChannelSplit

StatisticsReader = Callable[[tf.keras.layers.Layer], folding.BatchNormStatistics | None]
Bind = Callable[[], Callable]

# Layers without weights that compute in whatever type they are given.
_TYPE_AGNOSTIC_LAYERS = (
    ChannelShuffle,
    ChannelSplit,
    tf.keras.layers.Activation,
    tf.keras.layers.Add,
    tf.keras.layers.AveragePooling2D,
    tf.keras.layers.Concatenate,
    tf.keras.layers.Cropping2D,
    tf.keras.layers.Flatten,
    tf.keras.layers.LeakyReLU,
    tf.keras.layers.MaxPooling2D,
    tf.keras.layers.Multiply,
    tf.keras.layers.Permute,
    tf.keras.layers.ReLU,
    tf.keras.layers.Reshape,
    tf.keras.layers.Subtract,
    tf.keras.layers.ZeroPadding2D,
)
_TRAINING_ONLY_LAYERS = (
    tf.keras.layers.ActivityRegularization,
    tf.keras.layers.Dropout,
    tf.keras.layers.GaussianDropout,
    tf.keras.layers.GaussianNoise,
    tf.keras.layers.SpatialDropout2D,
)


@dataclasses.dataclass(frozen=True)
class _Step:
    """One call of a layer: what it reads and gives, and how to make it a function of tensors."""

    arguments: tuple
    outputs: list[int]
    bind: Bind


class InferencePlan:
    """Turns networks and layers into `bind` functions.

    A `bind` function takes no arguments, reads the variables, folds and casts them, and returns a
    function of tensors. Planning itself reads no variable.

    Attributes:
        folded: Names of the batch norms folded so far.
        kept: Names of the layers that run as they are, so far.
    """

    def __init__(self, *, dtype: str, statistics: StatisticsReader, fold: bool):
        """Keeps its arguments, which are those of `InferenceView`."""
        self.folded: list[str] = []
        self.kept: list[str] = []
        self._dtype = tf.as_dtype(dtype)
        self._statistics = statistics
        self._fold = fold

    def network(self, network: tf.keras.Model) -> Bind:
        """A functional network as the sequence of its calls."""
        calls = functional_graph.calls_in_order(network)
        readers = functional_graph.uses(network, calls)
        steps, done = [], set()
        for node in calls:
            if id(node) in done:
                continue
            batch_norm = self._foldable_batch_norm(node, readers)
            if batch_norm is not None:
                done.add(id(batch_norm))
                self.folded.append(batch_norm.layer.name)
                bind = self._linear(node, self._statistics(batch_norm.layer))
            else:
                bind = self._call(node)
            outputs = tf.nest.flatten((batch_norm or node).outputs)
            arguments = (node.call_args, node.call_kwargs)
            steps.append(_Step(arguments, [id(tensor) for tensor in outputs], bind))

        def bind() -> Callable:
            bound = [(step, step.bind()) for step in steps]

            def run(images: tf.Tensor) -> tf.Tensor:
                values = {id(network.inputs[0]): images}
                for step, function in bound:
                    args, kwargs = tf.nest.map_structure(
                        lambda leaf: values.get(id(leaf), leaf), step.arguments
                    )
                    results = tf.nest.flatten(function(*args, **kwargs))
                    values.update(zip(step.outputs, results, strict=True))
                return values[id(network.outputs[0])]

            return run

        return bind

    def unchanged(self, layer: tf.keras.layers.Layer, node: Any = None) -> Bind:
        """A layer as it is, given inputs of the types that it was built for."""
        self.kept.append(layer.name)
        signature = inspect.signature(layer.call)
        built_for = None if node is None else (node.call_args, node.call_kwargs)

        def run(*args, **kwargs):
            if built_for is not None:
                args, kwargs = tf.nest.map_structure(_cast_like, (args, kwargs), built_for)
            if "training" in signature.parameters:
                # What the network's author fixed for this call stays as it is.
                if "training" not in signature.bind_partial(*args, **kwargs).arguments:
                    kwargs = {**kwargs, "training": False}
            return layer(*args, **kwargs)

        return lambda: run

    def _call(self, node: Any) -> Bind:
        """One call of a layer that is not folded."""
        layer = node.layer
        replaceable = functional_graph.only_tensor(node) is not None
        if replaceable and type(layer) in _TRAINING_ONLY_LAYERS:
            return lambda: lambda inputs, **_: inputs
        if type(layer) in _TYPE_AGNOSTIC_LAYERS:
            return lambda: lambda inputs, **_: layer.call(self._cast(inputs))
        if replaceable and folding.is_linear(layer):
            return self._linear(node, None)
        if replaceable and functional_graph.is_functional(layer):
            bind = self.network(layer)
            return lambda: _of_first(bind())
        if replaceable and self._statistics(layer) is not None:
            return self._scale_and_shift(self._statistics(layer))
        return self.unchanged(layer, node)

    def _foldable_batch_norm(self, node: Any, readers: dict[int, list]) -> Any:
        """The call of a batch norm that alone reads what this linear call gives, or None."""
        if not self._fold or not folding.is_linear(node.layer):
            return None
        tensors = functional_graph.only_tensor(node)
        if tensors is None or node.layer.activation is not tf.keras.activations.linear:
            return None
        if len(readers[id(tensors[1])]) != 1:
            return None
        (reader,) = readers[id(tensors[1])]
        if reader is None or functional_graph.only_tensor(reader) is None:
            return None
        return None if self._statistics(reader.layer) is None else reader

    def _linear(self, node: Any, statistics: folding.BatchNormStatistics | None) -> Bind:
        layer, shape = node.layer, node.keras_inputs[0].shape

        def bind() -> Callable:
            kernel, bias = folding.folded_kernel_and_bias(layer, statistics)
            kernel, bias = self._cast(kernel), None if bias is None else self._cast(bias)
            if unrolled_convolution.is_worth_unrolling(layer, shape):
                apply = unrolled_convolution.unrolled(layer, kernel, bias, tuple(shape[1:3]))
            else:
                apply = functools.partial(folding.apply_linear, layer, kernel=kernel, bias=bias)

            def run(inputs: tf.Tensor, **_) -> tf.Tensor:
                return layer.activation(apply(self._cast(inputs)))

            return run

        return bind

    def _scale_and_shift(self, statistics) -> Bind:
        def bind() -> Callable:
            scale, shift = (self._cast(part) for part in statistics.scale_and_shift())
            return lambda inputs, **_: self._cast(inputs) * scale + shift

        return bind

    def _cast(self, tensors):
        return tf.nest.map_structure(lambda tensor: tf.cast(tensor, self._dtype), tensors)


def _of_first(function: Callable[[tf.Tensor], tf.Tensor]) -> Callable:
    return lambda inputs, **_: function(inputs)


def _cast_like(value, symbolic):
    """`value` in the floating type of the symbolic tensor it stands for."""
    if isinstance(value, tf.Tensor) and value.dtype.is_floating:
        return tf.cast(value, symbolic.dtype)
    return value
