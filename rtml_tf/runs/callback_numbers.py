"""What callbacks count, in the checkpoints of a run."""

import json
from collections.abc import Iterable

import numpy as np
import tensorflow as tf


class CallbackNumbers(tf.train.experimental.PythonState):
    """The numbers that callbacks keep in attributes, as far as they change while a run trains.

    Callbacks of Keras such as `EarlyStopping` and `ReduceLROnPlateau` count in attributes, which
    they reset when training begins. A resumed run sets them again. What else callbacks keep, such
    as the weights of `EarlyStopping(restore_best_weights=True)`, is not saved.
    """

    def __init__(self, callbacks: Iterable[tf.keras.callbacks.Callback]):
        """Prepares to save the numbers of `callbacks`, in this order."""
        self._callbacks = tuple(callbacks)
        self._at_begin: list[dict[str, int | float]] = [{} for _ in self._callbacks]
        self._restored: list[list] = []

    def begin(self) -> None:
        """Sets the numbers that were restored; called after the callbacks' `on_train_begin`."""
        self._at_begin = [_numbers(callback) for callback in self._callbacks]
        for callback, (kind, numbers) in zip(self._callbacks, self._restored):
            if kind == type(callback).__name__:
                vars(callback).update(numbers)

    def serialize(self) -> str:
        """The kind of each callback, and those of its numbers that have changed, as JSON."""
        changed = [
            {name: value for name, value in _numbers(callback).items() if first.get(name) != value}
            for callback, first in zip(self._callbacks, self._at_begin)
        ]
        kinds = [type(callback).__name__ for callback in self._callbacks]
        return json.dumps(list(zip(kinds, changed)))

    def deserialize(self, string_value: bytes) -> None:
        """Takes what `serialize` gave, for `begin`."""
        self._restored = json.loads(string_value)


def _numbers(callback: tf.keras.callbacks.Callback) -> dict[str, int | float]:
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in vars(callback).items()
        # What is true or false tells what the process is doing rather than how far it is.
        if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    }
