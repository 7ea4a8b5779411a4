"""Channel split of a feature map into two halves."""

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class ChannelSplit(tf.keras.layers.Layer):
    """Gives the first and the second half of the channels.

    Source: Ma, Zhang, Zheng, Sun, "ShuffleNet V2", ECCV 2018, section 3.2.

    Call arguments:
        features: `[B, H, W, C]`, any type; `C` known and even.

    Call returns:
        Two tensors `[B, H, W, C / 2]` of the same type.
    """

    def build(self, input_shape: tf.TensorShape) -> None:
        channels = tf.TensorShape(input_shape)[-1]
        if channels is None or channels % 2:
            raise ValueError(
                f"the channels must be even, got features of shape {tuple(input_shape)}."
            )
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> list[tf.Tensor]:
        return tf.split(features, 2, axis=-1)

    def compute_output_shape(self, input_shape: tf.TensorShape) -> list[tf.TensorShape]:
        *outer, channels = tf.TensorShape(input_shape)
        return [tf.TensorShape([*outer, channels // 2])] * 2
