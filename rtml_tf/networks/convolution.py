"""Convolution, batch norm and ReLU: what convolutional networks here are built from.

Every batch norm directly follows its convolution, which has no bias, so that the two can be folded
into one convolution for inference.
"""

import tensorflow as tf

from rtml_tf.layers.grouped_convolution import GroupedConv2D

# The running statistics of short trainings must follow the weights: the value of the reference
# implementations (0.1 in PyTorch's convention), instead of 0.99, the default of Keras.
BATCH_NORM_MOMENTUM = 0.9
BATCH_NORM_EPSILON = 1e-5


def convolution(
    features: tf.Tensor,
    *,
    filters: int,
    kernel_size: int,
    name: str,
    number: str = "",
    strides: int = 1,
    groups: int = 1,
    relu: bool = True,
    zero_gamma: bool = False,
) -> tf.Tensor:
    """Applies convolution, batch norm and (by default) ReLU.

    Args:
        features: Keras tensor `[B, H, W, C]`.
        filters: Output channels.
        kernel_size: Height and width of the kernel; the padding is "same".
        name: Prefix of the layer names `{name}_conv{number}`, `{name}_bn{number}` and
            `{name}_relu{number}`.
        number: Suffix of the layer names.
        strides: Stride in both directions.
        groups: Groups of channels that are convolved apart from each other; divides `C` and
            `filters`.
        relu: Whether a ReLU follows.
        zero_gamma: Whether the scale of the batch norm starts at 0.

    Returns:
        Keras tensor `[B, ceil(H / strides), ceil(W / strides), filters]`.
    """
    layer = tf.keras.layers.Conv2D if groups == 1 else GroupedConv2D
    features = layer(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        groups=groups,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv{number}",
    )(features)
    return _normalize(features, name=name, number=number, relu=relu, zero_gamma=zero_gamma)


def depthwise_convolution(
    features: tf.Tensor,
    *,
    kernel_size: int,
    name: str,
    number: str = "",
    strides: int = 1,
    relu: bool = True,
) -> tf.Tensor:
    """Applies depthwise convolution (one filter a channel), batch norm and (by default) ReLU.

    The arguments and the layer names are those of `convolution`.

    Returns:
        Keras tensor `[B, ceil(H / strides), ceil(W / strides), C]`.
    """
    features = tf.keras.layers.DepthwiseConv2D(
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        # He's, for the terms that one output has: Keras's fan-in counts those of all channels.
        depthwise_initializer=tf.keras.initializers.VarianceScaling(2.0, mode="fan_out"),
        name=f"{name}_conv{number}",
    )(features)
    return _normalize(features, name=name, number=number, relu=relu)


def _normalize(
    features: tf.Tensor, *, name: str, number: str, relu: bool, zero_gamma: bool = False
) -> tf.Tensor:
    features = tf.keras.layers.BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM,
        epsilon=BATCH_NORM_EPSILON,
        gamma_initializer="zeros" if zero_gamma else "ones",
        name=f"{name}_bn{number}",
    )(features)
    if relu:
        features = tf.keras.layers.ReLU(name=f"{name}_relu{number}")(features)
    return features
