"""Grouped convolution that trains everywhere."""

from typing import Any

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class GroupedConv2D(tf.keras.layers.Conv2D):
    """Convolves each group of channels with filters of its own, as one convolution a group.

    The same function, weights (`kernel` `[h, w, C_in / groups, C_out]`) and arguments as
    `tf.keras.layers.Conv2D(groups=...)`, which runs as one operation whose gradient TensorFlow has
    on GPUs only (and in oneDNN builds on CPUs). Keras therefore compiles it with XLA wherever it
    runs, and on CPUs its gradient takes 7 to 70 times as long as this one. Here the input and the
    kernel are split and the outputs concatenated: plain convolutions for TensorFlow, for TFLite
    and for whatever rewrites the network.

    Call arguments:
        features: `[B, H, W, C_in]`, `C_in` a multiple of `groups`.

    Call returns:
        `[B, H', W', C_out]` in the compute type of the layer.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        """Creates the layer; the arguments are those of `tf.keras.layers.Conv2D`.

        Raises:
            ValueError: If `data_format` is not "channels_last", or as in Keras.
        """
        super().__init__(*args, **kwargs)
        if self.data_format != "channels_last":
            raise ValueError(f'data_format must be "channels_last", got {self.data_format!r}.')

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolves `inputs` with `kernel`, without bias and activation."""
        convolve = super().convolution_op
        parts = zip(tf.split(inputs, self.groups, axis=-1), tf.split(kernel, self.groups, axis=-1))
        outputs = [convolve(features, filters) for features, filters in parts]
        return tf.concat(outputs, axis=-1)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        outputs = self.convolution_op(features, self.kernel)
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)
