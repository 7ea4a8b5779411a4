"""The blocks of residual networks (He et al., CVPR 2016, figures 2 and 5)."""

from collections.abc import Callable

import tensorflow as tf

from rtml_tf.networks.convolution import convolution

# (features, filters, strides, name, zero_init_last_gamma) -> features
Block = Callable[..., tf.Tensor]


def basic_block(
    features: tf.Tensor, *, filters: int, strides: int, name: str, zero_init_last_gamma: bool
) -> tf.Tensor:
    """Two 3x3 convolutions beside a shortcut; output `[B, H / strides, W / strides, filters]`."""
    shortcut = _shortcut(features, filters=filters, strides=strides, name=name)
    branch = convolution(
        features, filters=filters, kernel_size=3, strides=strides, name=name, number="1"
    )
    branch = convolution(
        branch,
        filters=filters,
        kernel_size=3,
        name=name,
        number="2",
        relu=False,
        zero_gamma=zero_init_last_gamma,
    )
    return _join(shortcut, branch, name=name)


def bottleneck_block(
    features: tf.Tensor, *, filters: int, strides: int, name: str, zero_init_last_gamma: bool
) -> tf.Tensor:
    """1x1, 3x3 and 1x1 convolutions beside a shortcut; output has `4 * filters` channels.

    The 3x3 convolution has the stride (Goyal et al., "Accurate, large minibatch SGD", 2017,
    section 5.1), not the first 1x1 as in He et al.
    """
    shortcut = _shortcut(features, filters=4 * filters, strides=strides, name=name)
    branch = convolution(features, filters=filters, kernel_size=1, name=name, number="1")
    branch = convolution(
        branch, filters=filters, kernel_size=3, strides=strides, name=name, number="2"
    )
    branch = convolution(
        branch,
        filters=4 * filters,
        kernel_size=1,
        name=name,
        number="3",
        relu=False,
        zero_gamma=zero_init_last_gamma,
    )
    return _join(shortcut, branch, name=name)


def _shortcut(features: tf.Tensor, *, filters: int, strides: int, name: str) -> tf.Tensor:
    """The identity, or a 1x1 projection where the shape changes (option B of He et al.)."""
    if strides == 1 and features.shape[-1] == filters:
        return features
    return convolution(
        features,
        filters=filters,
        kernel_size=1,
        strides=strides,
        name=f"{name}_shortcut",
        relu=False,
    )


def _join(shortcut: tf.Tensor, branch: tf.Tensor, *, name: str) -> tf.Tensor:
    features = tf.keras.layers.Add(name=f"{name}_add")([shortcut, branch])
    return tf.keras.layers.ReLU(name=f"{name}_relu")(features)
