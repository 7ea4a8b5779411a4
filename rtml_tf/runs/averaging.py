"""The moving average of the weights, put in the network's place while it is looked at."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def averaged_weights(model: tf.keras.Model) -> Iterator[None]:
    """Runs a block with the averaged weights, where the optimizer keeps them.

    A Keras optimizer built with `use_ema=True` keeps a moving average of every weight that it
    updates. Validation, the saved network and the final figures use the average; training goes
    on from the weights themselves. With any other optimizer nothing changes.

    Args:
        model: A compiled training model.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if not getattr(optimizer, "use_ema", False):
        yield
        return
    variables = model.network.trainable_variables
    kept = [tf.identity(variable) for variable in variables]
    optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, kept):
            variable.assign(value)
