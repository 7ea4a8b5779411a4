"""Two linear classifiers of embeddings."""

import tensorflow as tf


def two_classifiers(
    *, embedding_size: int, num_classes: int, scale: float = 16.0
) -> tf.keras.Model:
    """Returns two classifiers that differ in their weights only.

    Args:
        embedding_size: The size `D` of the embeddings.
        num_classes: The number of classes `K`.
        scale: What embeddings are multiplied by first: logits of unit vectors would be too small.

    Returns:
        The network: "embedding" `[B, D]` to `{"p1", "p2"}`, logits float32 `[B, K]` each.

    Raises:
        ValueError: If an argument is out of range.
    """
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, got {num_classes}.")
    if scale <= 0.0:
        raise ValueError(f"scale must be above 0, got {scale}.")
    embedding = tf.keras.Input((embedding_size,), dtype="float32", name="embedding")
    scaled = tf.keras.layers.Rescaling(scale, dtype="float32", name="scale")(embedding)
    logits = {
        head: tf.keras.layers.Dense(num_classes, dtype="float32", name=head)(scaled)
        for head in ("p1", "p2")
    }
    return tf.keras.Model(embedding, logits, name="two_classifiers")
