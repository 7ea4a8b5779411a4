"""How alike the weights of two classifiers are (CLAN)."""

from collections.abc import Sequence

import tensorflow as tf


def weight_discrepancy(
    first: Sequence[tf.Tensor | tf.Variable], second: Sequence[tf.Tensor | tf.Variable]
) -> tf.Tensor:
    """`cos(w1, w2) + 1`, w all weights of a classifier in one vector; minimised, they differ.

    Source: Luo et al., CVPR 2019, equation 3. (The code published with the paper takes the sum of
    this twice.)

    Args:
        first: The weights of the first classifier, kernels and biases.
        second: Those of the second, of the same shapes.

    Returns:
        float32 scalar in [0, 2]; 1 if a classifier's weights are all 0.

    Raises:
        ValueError: If the shapes differ.
    """
    shapes = [[tuple(weight.shape) for weight in weights] for weights in (first, second)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"Both classifiers must have weights of the same shapes, got {shapes[0]} and "
            f"{shapes[1]}."
        )
    first, second = (
        tf.math.l2_normalize(
            tf.concat([tf.reshape(tf.cast(w, tf.float32), [-1]) for w in weights], axis=0)
        )
        for weights in (first, second)
    )
    return tf.tensordot(first, second, axes=1) + 1.0
