"""How similar a batch's embeddings are within and between classes: the first thing to watch."""

import tensorflow as tf

from rtml_tf.losses import pairs


def mean_pair_similarities(embeddings: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
    """Mean cosine similarity of the positive and of the negative pairs of a batch.

    Args:
        embeddings: floating `[B, D]`.
        labels: int32 `[B]`.

    Returns:
        "positive_similarity" and "negative_similarity", float32 scalars in [-1, 1]; 0 where the
        batch has no such pair.
    """
    embeddings = tf.cast(embeddings, tf.float32)
    similarities = pairs.cosine_similarities(embeddings, embeddings)
    positive, negative = pairs.pair_masks(labels, labels)
    return {
        "positive_similarity": pairs.masked_mean(similarities, positive),
        "negative_similarity": pairs.masked_mean(similarities, negative),
    }


def mean_similarity_difference(embeddings: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """How differently two networks see the pairs of a batch.

    Args:
        embeddings: floating `[B, D]`.
        others: floating `[B, D']`, of the same examples.

    Returns:
        The absolute difference of cosine similarities, averaged over all pairs: float32 scalar in
        [0, 2]; 0 where the batch has no pair.
    """
    embeddings, others = tf.cast(embeddings, tf.float32), tf.cast(others, tf.float32)
    differences = tf.abs(
        pairs.cosine_similarities(embeddings, embeddings)
        - pairs.cosine_similarities(others, others)
    )
    return pairs.masked_mean(differences, ~tf.eye(tf.shape(embeddings)[0], dtype=tf.bool))
