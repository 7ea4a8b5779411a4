"""Batch normalisation in inference mode as a scale and a shift, and their way into a kernel."""

from typing import NamedTuple

import tensorflow as tf

from rtml_tf.layers.grouped_convolution import GroupedConv2D

LINEAR_LAYERS = (
    tf.keras.layers.Conv2D,
    tf.keras.layers.DepthwiseConv2D,
    tf.keras.layers.Dense,
    GroupedConv2D,
)


class BatchNormStatistics(NamedTuple):
    """What batch normalisation over the last axis computes with in inference mode.

    `y = gamma (x - mean) / sqrt(variance + epsilon) + beta`, each `[C]`; gamma and beta may be None
    (1 and 0). Variables may be given, so that they are read when the network is used.
    """

    gamma: tf.Tensor | tf.Variable | None
    beta: tf.Tensor | tf.Variable | None
    mean: tf.Tensor | tf.Variable
    variance: tf.Tensor | tf.Variable
    epsilon: float

    def scale_and_shift(self) -> tuple[tf.Tensor, tf.Tensor]:
        """`scale` and `shift`, float32 `[C]`, such that `y = scale x + shift`."""
        scale = tf.math.rsqrt(tf.cast(self.variance, tf.float32) + self.epsilon)
        if self.gamma is not None:
            scale *= tf.cast(self.gamma, tf.float32)
        shift = -tf.cast(self.mean, tf.float32) * scale
        if self.beta is not None:
            shift += tf.cast(self.beta, tf.float32)
        return scale, shift


def keras_batch_norm_statistics(layer: tf.keras.layers.Layer) -> BatchNormStatistics | None:
    """The statistics of a `tf.keras.layers.BatchNormalization` over the last axis.

    Args:
        layer: Any built layer.

    Returns:
        Its statistics; None for every other layer, subclasses included (they may compute
        something else).
    """
    if type(layer) is not tf.keras.layers.BatchNormalization:
        return None
    if list(layer.axis) != [layer.input_spec.ndim - 1]:
        return None
    return BatchNormStatistics(
        gamma=layer.gamma,
        beta=layer.beta,
        mean=layer.moving_mean,
        variance=layer.moving_variance,
        epsilon=layer.epsilon,
    )


def is_linear(layer: tf.keras.layers.Layer) -> bool:
    """Whether the layer is one that `apply_linear` can compute (activation apart)."""
    if type(layer) not in LINEAR_LAYERS:
        return False
    if type(layer) in (tf.keras.layers.Dense, GroupedConv2D):
        return True
    # Keras's grouped convolutions have no gradient on every CPU outside XLA.
    return layer.data_format == "channels_last" and layer.groups == 1


def folded_kernel_and_bias(
    layer: tf.keras.layers.Layer, statistics: BatchNormStatistics | None
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """The kernel and bias of a linear layer followed by a batch norm.

    `scale (x * k + b) + shift = x * (scale k) + (scale b + shift)`.

    Args:
        layer: A layer for which `is_linear` holds.
        statistics: Those of the batch norm after it, or None for the layer alone.

    Returns:
        float32 kernel of the layer's own shape, and bias `[C]` or None.
    """
    if type(layer) is tf.keras.layers.DepthwiseConv2D:
        kernel = layer.depthwise_kernel
    else:
        kernel = layer.kernel
    kernel = tf.cast(kernel, tf.float32)
    bias = tf.cast(layer.bias, tf.float32) if layer.use_bias else None
    if statistics is None:
        return kernel, bias
    scale, shift = statistics.scale_and_shift()
    if bias is not None:
        shift += scale * bias
    if type(layer) is tf.keras.layers.DepthwiseConv2D:
        # [h, w, in, multiplier]: output channel c comes from kernel[..., c // m, c % m].
        scale = tf.reshape(scale, tf.shape(kernel)[2:])
    return kernel * scale, shift


def apply_linear(
    layer: tf.keras.layers.Layer, inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | None
) -> tf.Tensor:
    """What the layer computes before its activation, with another kernel and bias."""
    if type(layer) is tf.keras.layers.Dense:
        outputs = tf.tensordot(inputs, kernel, 1) if inputs.shape.rank > 2 else inputs @ kernel
    elif type(layer) is tf.keras.layers.DepthwiseConv2D:
        outputs = tf.nn.depthwise_conv2d(
            inputs,
            kernel,
            strides=[1, *layer.strides, 1],
            padding=layer.padding.upper(),
            dilations=layer.dilation_rate,
        )
    else:
        outputs = layer.convolution_op(inputs, kernel)
    return outputs if bias is None else tf.nn.bias_add(outputs, bias)
