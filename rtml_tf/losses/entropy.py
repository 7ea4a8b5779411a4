"""The entropy of predictions, as a loss and as what a discriminator sees (AdvEnt)."""

import math

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
def self_information_maps(logits: tf.Tensor) -> tf.Tensor:
    """`-p log p / log K` for each class of each pixel.

    Vu et al., CVPR 2019, section 3.2; what their discriminator sees in place of p.

    Args:
        logits: floating `[B, ..., K]`.

    Returns:
        float32 `[B, ..., K]`, at least 0.
    """
    logits = tf.cast(logits, tf.float32)
    # From the logarithm, so that a probability of 0 gives 0 and a finite gradient.
    information = -tf.nn.softmax(logits) * tf.nn.log_softmax(logits)
    return information / math.log(logits.shape[-1])


def entropy_map(logits: tf.Tensor) -> tf.Tensor:
    """The entropy of each prediction: float32 `[B, ...]` from 0 to 1 (all K classes alike).

    Vu et al., CVPR 2019, equation 2.
    """
    return tf.reduce_sum(self_information_maps(logits), axis=-1)


def entropy_loss(logits: tf.Tensor) -> tf.Tensor:
    """The mean of `entropy_map`, minimised on the target: direct entropy minimisation.

    Vu et al., CVPR 2019, equation 3, divided by the number of pixels as in the authors' code.
    """
    return tf.reduce_mean(entropy_map(logits))
