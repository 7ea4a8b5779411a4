"""L2 normalisation: the last layer of every embedding network."""

from typing import Any

import tensorflow as tf


def unit_length(rows: tf.Tensor, *, epsilon: float = 1e-12) -> tf.Tensor:
    """Scales rows as `tf.math.l2_normalize` does, to `x / sqrt(max(|x|^2, epsilon))`.

    The gradient of a row of squared length up to `epsilon` is 0. It would be `1 / sqrt(epsilon)`
    times that of the result: one such row would then move all weights by itself.

    Args:
        rows: floating `[B, D]`.
        epsilon: The lower bound of the squared length.
    """
    unit = tf.math.l2_normalize(rows, axis=-1, epsilon=epsilon)
    is_long = tf.reduce_sum(tf.square(rows), axis=-1, keepdims=True) > epsilon
    return tf.where(is_long, unit, tf.stop_gradient(unit))


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class L2Normalization(tf.keras.layers.Layer):
    """Scales each embedding to unit length: `x / sqrt(max(|x|^2, epsilon))`.

    A zero vector stays zero; in training its gradient is 0, as in `unit_length`. The layer is
    float32 whatever the global dtype policy says, because losses and similarities need more than
    the 8 bits of bfloat16.

    Call arguments:
        embeddings: `[B, D]`.
        training: Whether gradients are those of `unit_length`; without, as in exported networks,
            the operations are those of `tf.math.l2_normalize`.

    Call returns:
        float32 `[B, D]`, rows of length 1.

    Attributes:
        epsilon: The lower bound of the squared length.
    """

    def __init__(self, *, epsilon: float = 1e-12, dtype: Any = "float32", **kwargs: Any):
        """Creates the layer.

        Args:
            epsilon: The lower bound of the squared length; above 0.
            dtype: The dtype or policy of the layer.
            **kwargs: Arguments of `tf.keras.layers.Layer`.

        Raises:
            ValueError: If `epsilon` is not positive.
        """
        super().__init__(dtype=dtype, **kwargs)
        if not epsilon > 0.0:
            raise ValueError(f"epsilon must be positive, got {epsilon}.")
        self.epsilon = float(epsilon)

    def call(self, embeddings: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if training:
            return unit_length(embeddings, epsilon=self.epsilon)
        return tf.math.l2_normalize(embeddings, axis=-1, epsilon=self.epsilon)

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        return tf.TensorShape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"epsilon": self.epsilon}
