"""A linear map from one embedding to another of a different size."""

import tensorflow as tf

from rtml_tf.layers.l2_normalization import L2Normalization


def projection_network(*, input_size: int, output_size: int) -> tf.keras.Model:
    """Returns a linear map without bias, and unit length behind it, as a network.

    Its layers are "projection" and "projection_normalization", float32 both.

    Args:
        input_size: `D`, at least 1.
        output_size: `D'`, at least 1.

    Returns:
        The network: "embeddings" `[B, D]` to float32 `[B, D']`, L2-normalised.

    Raises:
        ValueError: If a size is below 1.
    """
    if input_size < 1 or output_size < 1:
        raise ValueError(
            f"input_size and output_size must be at least 1, got {input_size} and {output_size}."
        )
    embeddings = tf.keras.Input([input_size], dtype="float32", name="embeddings")
    projected = tf.keras.layers.Dense(
        output_size, use_bias=False, dtype="float32", name="projection"
    )(embeddings)
    projected = L2Normalization(name="projection_normalization")(projected)
    return tf.keras.Model(embeddings, projected, name="projection_network")
