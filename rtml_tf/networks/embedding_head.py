"""The end of every embedding network: pooling, projection, unit length."""

import numbers

import tensorflow as tf

from rtml_tf.layers.l2_normalization import L2Normalization


def embedding_head(
    *,
    features: tf.Tensor,
    embedding_size: int,
    pooling: tf.keras.layers.Layer | None = None,
) -> tf.Tensor:
    """Turns a feature map into L2-normalised embeddings.

    Adds the layers "pooling", "embedding" (dense, with bias) and "l2_normalization". They are
    float32 under mixed precision as well, since they are cheap and losses need the digits.

    Args:
        features: Keras tensor `[B, H, W, C]`.
        embedding_size: The number `D` of embedding dimensions.
        pooling: A Keras layer from `[B, H, W, C]` to `[B, C']`, for example
            `GeneralizedMeanPooling(p=3.0)`; None means global average. A copy is used, so one
            object can describe the pooling of several networks.

    Returns:
        Keras tensor, float32 `[B, D]`, rows of length 1.

    Raises:
        ValueError: If `embedding_size` is not a positive integer, or `pooling` is not a layer
            that returns `[B, C']`.
    """
    if pooling is None:
        pooling = tf.keras.layers.GlobalAveragePooling2D()
    if not isinstance(pooling, tf.keras.layers.Layer):
        raise ValueError(f"pooling must be a Keras layer, got {pooling!r}.")
    config = pooling.get_config() | {"name": "pooling", "dtype": pooling.variable_dtype}
    pooled = type(pooling).from_config(config)(features)
    if len(pooled.shape) != 2:
        raise ValueError(
            f"pooling must return [batch, channels], got {type(pooling).__name__} with output "
            f"shape {tuple(pooled.shape)}."
        )
    return project(features=pooled, embedding_size=embedding_size)


def project(*, features: tf.Tensor, embedding_size: int) -> tf.Tensor:
    """Turns feature vectors into L2-normalised embeddings.

    Adds the layers "embedding" (dense, with bias) and "l2_normalization", float32 both.

    Args:
        features: Keras tensor `[B, C]`.
        embedding_size: The number `D` of embedding dimensions.

    Returns:
        Keras tensor, float32 `[B, D]`, rows of length 1.

    Raises:
        ValueError: If `embedding_size` is not a positive integer.
    """
    if (
        not isinstance(embedding_size, numbers.Integral)
        or isinstance(embedding_size, bool)
        or embedding_size < 1
    ):
        raise ValueError(f"embedding_size must be a positive integer, got {embedding_size!r}.")
    embeddings = tf.keras.layers.Dense(int(embedding_size), dtype="float32", name="embedding")(
        features
    )
    return L2Normalization(name="l2_normalization")(embeddings)
