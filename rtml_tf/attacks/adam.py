"""Adam as a pure function, for searches that run inside a loop and own no variables."""

import tensorflow as tf

FIRST_DECAY = 0.9
SECOND_DECAY = 0.999
STABILISER = 1e-7


def adam_step(
    gradient: tf.Tensor, first: tf.Tensor, second: tf.Tensor, *, index: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The direction of one Adam step, for a learning rate of 1.

    Source: Kingma and Ba (2015), the efficient form before section 2.1, with the constants of
    `tf.keras.optimizers.Adam`.

    Args:
        gradient: Any shape.
        first: Running mean of gradients, zeros at the start.
        second: Running mean of squared gradients, zeros at the start.
        index: int32 scalar, the number of the step from 0.

    Returns:
        The step to subtract (to descend) or add (to ascend), and the new `first` and `second`.
    """
    time = tf.cast(index + 1, gradient.dtype)
    first = FIRST_DECAY * first + (1.0 - FIRST_DECAY) * gradient
    second = SECOND_DECAY * second + (1.0 - SECOND_DECAY) * tf.square(gradient)
    correction = tf.sqrt(1.0 - SECOND_DECAY**time) / (1.0 - FIRST_DECAY**time)
    return correction * first / (tf.sqrt(second) + STABILISER), first, second
