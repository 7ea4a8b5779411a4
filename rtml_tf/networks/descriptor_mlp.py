"""A multilayer perceptron on descriptors, such as histograms of local binary patterns."""

import numbers
from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.networks.convolution import BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM
from rtml_tf.networks.embedding_head import project

# The bins of a histogram vary by much less than activations do: 1e-6 is a deviation of 0.001.
_INPUT_EPSILON = 1e-6


def descriptor_mlp(
    *,
    input_shape: Sequence[int],
    embedding_size: int = 128,
    hidden_sizes: Sequence[int] = (256,),
    dropout: float = 0.0,
    standardization: tf.keras.layers.Layer | None = None,
) -> tf.keras.Model:
    """Returns standardisation, hidden layers and an embedding layer, all dense.

    Each hidden layer is a dense layer without bias, batch norm, ReLU and dropout. Without hidden
    layers the network is one linear map, as linear metric learning has it.

    Args:
        input_shape: `(F,)`, the length of a descriptor.
        embedding_size: Embedding dimensions `D`.
        hidden_sizes: Units of the hidden layers, first to last; may be empty.
        dropout: The share of hidden units that is dropped in training; in [0, 1).
        standardization: The first layer, from `[B, F]` to `[B, F]`: a `Standardization` that was
            adapted to data, or any other. A copy is used, with its weights. None means a batch
            norm without scale and shift, which learns mean and variance while the network is
            trained.

    Returns:
        The network: "descriptor" `[B, F]` to float32 `[B, D]`, L2-normalised.

    Raises:
        ValueError: If an argument is out of range.
    """
    shape, sizes = tuple(input_shape), tuple(hidden_sizes)
    if len(shape) != 1 or not _are_positive_integers(shape):
        raise ValueError(f"input_shape must be one positive integer, (F,), got {shape}.")
    if not _are_positive_integers(sizes):
        raise ValueError(f"hidden_sizes must be positive integers, got {sizes}.")
    if not 0.0 <= dropout < 1.0:
        raise ValueError(f"dropout must be in [0, 1), got {dropout}.")
    descriptor = tf.keras.Input(shape, dtype="float32", name="descriptor")
    features = _standardize(descriptor, standardization)
    for number, size in enumerate(sizes, start=1):
        features = tf.keras.layers.Dense(
            size, use_bias=False, kernel_initializer="he_normal", name=f"hidden{number}"
        )(features)
        features = tf.keras.layers.BatchNormalization(
            momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, name=f"hidden{number}_bn"
        )(features)
        features = tf.keras.layers.ReLU(name=f"hidden{number}_relu")(features)
        if dropout:
            features = tf.keras.layers.Dropout(dropout, name=f"hidden{number}_dropout")(features)
    embeddings = project(features=features, embedding_size=embedding_size)
    return tf.keras.Model(descriptor, embeddings, name="descriptor_mlp")


def _are_positive_integers(values: Sequence[int]) -> bool:
    return all(
        isinstance(value, numbers.Integral) and not isinstance(value, bool) and value >= 1
        for value in values
    )


def _standardize(descriptor: tf.Tensor, layer: tf.keras.layers.Layer | None) -> tf.Tensor:
    """Applies a copy of `layer`, or of the batch norm that stands for None."""
    if layer is None:
        layer = tf.keras.layers.BatchNormalization(
            momentum=BATCH_NORM_MOMENTUM, epsilon=_INPUT_EPSILON, center=False, scale=False
        )
    if not isinstance(layer, tf.keras.layers.Layer):
        raise ValueError(f"standardization must be a Keras layer or None, got {layer!r}.")
    copy = type(layer).from_config(layer.get_config() | {"name": "standardization"})
    features = copy(descriptor)
    if features.shape.as_list() != descriptor.shape.as_list():
        raise ValueError(
            f"standardization must keep the shape {tuple(descriptor.shape)}, got "
            f"{type(layer).__name__} with output shape {tuple(features.shape)}."
        )
    if layer.built:
        copy.set_weights(layer.get_weights())
    return features
