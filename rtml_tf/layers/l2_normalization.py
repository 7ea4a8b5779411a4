"""L2 normalisation: the last layer of every embedding network."""

from typing import Any

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class L2Normalization(tf.keras.layers.Layer):
    """Scales each embedding to unit length: `x / sqrt(max(|x|^2, epsilon))`.

    A zero vector stays zero and has a finite gradient. The layer is float32 whatever the global
    dtype policy says, because losses and similarities need more than the 8 bits of bfloat16.

    Call arguments:
        embeddings: `[B, D]`.

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

    def call(self, embeddings: tf.Tensor) -> tf.Tensor:
        return tf.math.l2_normalize(embeddings, axis=-1, epsilon=self.epsilon)

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        return tf.TensorShape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"epsilon": self.epsilon}
