"""The loss of telling source from target."""

import tensorflow as tf

# The two labels of a discriminator, as in the code published with AdaptSegNet and CLAN.
SOURCE, TARGET = 0.0, 1.0


def domain_loss(logits: tf.Tensor, label: float, weights: tf.Tensor | None = None) -> tf.Tensor:
    """The mean of `weights * BCE(sigmoid(logits), label)`.

    With weights from `CategoryWeights` this is the category-adaptive adversarial loss (Luo et al.,
    CVPR 2019, equation 4); without, the plain one.

    Args:
        logits: floating `[B, ...]`: the discriminator's.
        label: `SOURCE` or `TARGET`, what all of them are taken for.
        weights: float32, of the shape of `logits`; None: all 1.

    Returns:
        float32 scalar of at least 0.

    Raises:
        ValueError: If the shapes differ.
    """
    logits = tf.cast(logits, tf.float32)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), label), logits)
    if weights is None:
        return tf.reduce_mean(losses)
    if not logits.shape.is_compatible_with(weights.shape):
        raise ValueError(
            f"logits and weights must have one shape, got {logits.shape} and {weights.shape}."
        )
    return tf.reduce_mean(weights * losses)
