"""Gradient reversal: one backward pass that trains two opponents."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def reverse_gradient(inputs: tf.Tensor, strength: float | tf.Tensor | tf.Variable) -> tf.Tensor:
    """The identity, whose gradient is `-strength` times the incoming one.

    What is behind the op descends on a loss that what is in front of it ascends, both by one
    backward pass. Source: Ganin and Lempitsky, ICML 2015, equations 7 and 8.

    Differentiated again, every pass through the op counts: for a function f,
    `y = f(reverse_gradient(x, s))` has the first derivative `-s f'(x)` and the second `s^2 f''(x)`
    (not `-s f''(x)`, which would be the derivative of the first one as a function of x).

    Args:
        inputs: floating, any shape.
        strength: Scalar; it gets no gradient itself. Below 0, the gradient is scaled and keeps its
            sign.

    Returns:
        `inputs`.
    """
    strength = tf.stop_gradient(tf.cast(strength, inputs.dtype))

    @tf.custom_gradient
    def reversed_identity(x):
        return tf.identity(x), lambda upstream: -strength * upstream

    return reversed_identity(inputs)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class GradientReversal(tf.keras.layers.Layer):
    """`reverse_gradient` as a layer, for functional networks.

    Call arguments:
        inputs: floating, any shape.
        training: Whether the call counts as a step of a schedule.

    Call returns:
        `inputs`.

    Attributes:
        strength: A number, a variable (made with `trainable=False`), or a schedule (a Keras
            learning-rate schedule) of the number of training calls so far. A configuration keeps a
            variable's present value.
    """

    def __init__(
        self, *, strength: float | tf.Variable | Callable[[tf.Tensor], tf.Tensor] = 1.0, **kwargs
    ):
        """Takes the strength and the arguments of `tf.keras.layers.Layer`."""
        super().__init__(**kwargs)
        self.strength = strength
        self._is_schedule = callable(strength) and not isinstance(strength, tf.Variable)

    def build(self, input_shape: tf.TensorShape) -> None:
        if self._is_schedule:
            self._step = self.add_weight(
                name="step",
                dtype="int64",
                initializer="zeros",
                trainable=False,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not self._is_schedule:
            return reverse_gradient(inputs, self.strength)
        reversed_inputs = reverse_gradient(inputs, self.strength(self._step))
        if training:
            self._step.assign_add(1)
        return reversed_inputs

    def get_config(self) -> dict[str, Any]:
        strength = self.strength
        if self._is_schedule:
            strength = tf.keras.utils.serialize_keras_object(strength)
        elif isinstance(strength, tf.Variable):
            strength = float(strength.numpy())
        return super().get_config() | {"strength": strength}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "GradientReversal":
        if isinstance(config["strength"], dict):
            strength = tf.keras.utils.deserialize_keras_object(config["strength"])
            config = config | {"strength": strength}
        return cls(**config)
