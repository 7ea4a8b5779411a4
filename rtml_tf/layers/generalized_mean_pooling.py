"""Generalised-mean (GeM) pooling of a feature map."""

import math
from typing import Any

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class GeneralizedMeanPooling(tf.keras.layers.Layer):
    """Pools each channel by its power mean: `(mean_hw max(x, epsilon)^p)^(1/p)`.

    p = 1 is average pooling, p to infinity is max pooling. Source: Radenovic, Tolias, Chum,
    "Fine-tuning CNN image retrieval with no human annotation", TPAMI 2019, eq. 3.

    Powers are taken of the features over their largest value, so that no p overflows, and in the
    variable type of the dtype policy (float32 under mixed precision). p is kept at 1 or above
    while it is trained.

    Call arguments:
        features: `[B, H, W, C]`; values below `epsilon` count as `epsilon`.

    Call returns:
        `[B, C]` in the compute type of the layer.

    Attributes:
        p: The exponent at the start.
        trainable_p: Whether the exponent is trained, as one scalar weight named `p`.
        epsilon: The lower bound of the features.
        exponent: The exponent in use: a variable, or the number `p` where it is not trained.
    """

    def __init__(
        self,
        *,
        p: float = 3.0,
        trainable_p: bool = True,
        epsilon: float = 1e-6,
        **kwargs: Any,
    ):
        """Creates the layer.

        Args:
            p: The exponent at the start; at least 1.
            trainable_p: Whether it is trained.
            epsilon: The lower bound of the features; above 0.
            **kwargs: Arguments of `tf.keras.layers.Layer`.

        Raises:
            ValueError: If `p` or `epsilon` is out of range.
        """
        super().__init__(**kwargs)
        if not (p >= 1.0 and math.isfinite(p)):
            raise ValueError(f"p must be a finite number of at least 1, got {p}.")
        if not epsilon > 0.0:
            raise ValueError(f"epsilon must be positive, got {epsilon}.")
        self.p = float(p)
        self.trainable_p = bool(trainable_p)
        self.epsilon = float(epsilon)
        self.exponent = self.p
        self.input_spec = tf.keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tf.TensorShape) -> None:
        if self.trainable_p:
            self.exponent = self.add_weight(
                name="p",
                shape=(),
                initializer=tf.keras.initializers.Constant(self.p),
                constraint=_at_least_one,
                experimental_autocast=False,
            )
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        features = tf.maximum(tf.cast(features, self.variable_dtype), self.epsilon)
        # The largest value cancels out of the result, hence also out of the gradient.
        largest = tf.stop_gradient(tf.reduce_max(features, axis=(1, 2), keepdims=True))
        powers = tf.pow(features / largest, self.exponent)  # [B, H, W, C], in (0, 1]
        mean = tf.reduce_mean(powers, axis=(1, 2))  # [B, C]
        pooled = tf.squeeze(largest, axis=(1, 2)) * tf.pow(mean, 1.0 / self.exponent)
        return tf.cast(pooled, self.compute_dtype)

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        batch, _, _, channels = tf.TensorShape(input_shape)
        return tf.TensorShape([batch, channels])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "p": self.p,
            "trainable_p": self.trainable_p,
            "epsilon": self.epsilon,
        }


def _at_least_one(value: tf.Tensor) -> tf.Tensor:
    """The constraint of a trained exponent."""
    return tf.maximum(value, 1.0)
