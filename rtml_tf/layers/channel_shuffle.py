"""Channel shuffle of a feature map."""

import numbers
from typing import Any

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class ChannelShuffle(tf.keras.layers.Layer):
    """Mixes the channels of `groups` groups, so that the next group sees some of each.

    The `C = groups * n` channels, seen as a `groups x n` matrix, are transposed: output channel
    `j * groups + i` is input channel `i * n + j`. Source: Zhang, Zhou, Lin, Sun, "ShuffleNet",
    CVPR 2018, section 3.1. Shuffling with `C / groups` groups undoes it.

    Call arguments:
        features: `[B, H, W, C]`, any type; `C` known and a multiple of `groups`.

    Call returns:
        `[B, H, W, C]` of the same type.

    Attributes:
        groups: The number of groups.
    """

    def __init__(self, *, groups: int, **kwargs: Any):
        """Creates the layer.

        Args:
            groups: The number of groups; at least 1.
            **kwargs: Arguments of `tf.keras.layers.Layer`.

        Raises:
            ValueError: If `groups` is not a positive integer.
        """
        super().__init__(**kwargs)
        if not isinstance(groups, numbers.Integral) or groups < 1:
            raise ValueError(f"groups must be a positive integer, got {groups!r}.")
        self.groups = int(groups)
        self.input_spec = tf.keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tf.TensorShape) -> None:
        channels = tf.TensorShape(input_shape)[-1]
        if channels is None or channels % self.groups:
            raise ValueError(
                f"the channels must be a multiple of groups={self.groups}, got features of shape "
                f"{tuple(input_shape)}."
            )
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        # Sizes that are known stay constants, which keeps exported graphs free of shape arithmetic.
        height, width = features.shape[1:3]
        if height is None or width is None:
            height, width = tf.unstack(tf.shape(features)[1:3])
        channels = features.shape[-1]
        grouped = [-1, height, width, self.groups, channels // self.groups]
        shuffled = tf.transpose(tf.reshape(features, grouped), [0, 1, 2, 4, 3])
        return tf.reshape(shuffled, [-1, height, width, channels])

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        return tf.TensorShape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"groups": self.groups}
