"""The moving average of the weights, put in the network's place while it is looked at."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from rtml_tf.models.training_model import TrainingModel


def keeps_average(model: TrainingModel) -> bool:
    """Whether an optimizer of a compiled training model keeps averaged weights."""
    return bool(_averages(model))


@contextlib.contextmanager
def averaged_weights(model: TrainingModel) -> Iterator[None]:
    """Runs a block with the averaged weights, where optimizers keep them.

    A Keras optimizer built with `use_ema=True` keeps a moving average of every weight that it
    updates. Validation, the saved network and the final figures use the average; training goes
    on from the weights themselves. With any other optimizer nothing changes.

    Args:
        model: A compiled and prepared training model.
    """
    averages = _averages(model)
    kept = [(v, tf.identity(v)) for _, variables in averages for v in variables]
    for optimizer, variables in averages:
        optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        for variable, value in kept:
            variable.assign(value)


def _averages(model: TrainingModel) -> list[tuple[tf.keras.optimizers.Optimizer, list]]:
    """The optimizers that keep an average, and the weights that each keeps one of."""
    inner = [
        (getattr(optimizer, "inner_optimizer", optimizer), variables)
        for optimizer, variables in model.optimizers_and_variables()
    ]
    return [(optimizer, vs) for optimizer, vs in inner if getattr(optimizer, "use_ema", False)]
