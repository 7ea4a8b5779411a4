"""The training loop: epochs of steps that can stop and go on anywhere."""

import time

import tensorflow as tf

from rtml_tf.runs.checkpoint import RunCheckpoint, RunState
from rtml_tf.runs.interruption import Interruption


class TrainingLoop:
    """Drives a compiled model's `train_step` until the last step, from wherever the run stands.

    `tf.keras.Model.fit` starts at the beginning of an epoch and, at its end, replaces weights by
    their moving average; a run that has to resume within an epoch needs neither. Any
    `tf.keras.callbacks.Callback` works here as it does there, but that all epochs are whole:
    training that one stops within an epoch ends with it.
    """

    def __init__(
        self,
        *,
        model: tf.keras.Model,
        state: RunState,
        checkpoint: RunCheckpoint,
        steps_per_epoch: int,
        epochs: int,
        callbacks: list[tf.keras.callbacks.Callback],
        checkpoint_every_steps: int | None = None,
    ):
        """Prepares the loop; `run` starts it.

        Args:
            model: A compiled and prepared training model.
            state: How far the run is.
            checkpoint: Saves model and state after every epoch and when interrupted.
            steps_per_epoch: Steps in an epoch.
            epochs: Epochs in all.
            callbacks: Called as in `fit`, in this order.
            checkpoint_every_steps: Also save after so many steps; for long epochs.
        """
        self._model = model
        self._state = state
        self._checkpoint = checkpoint
        self._steps_per_epoch = steps_per_epoch
        self._epochs = epochs
        self._checkpoint_every_steps = checkpoint_every_steps
        self._callbacks = tf.keras.callbacks.CallbackList(
            callbacks, model=model, epochs=epochs, steps=steps_per_epoch, verbose=0
        )

    def run(self, dataset: tf.data.Dataset, interruption: Interruption) -> bool:
        """Trains to the end or to an interruption.

        Args:
            dataset: Endless batches, the first being that of step `state.step`.
            interruption: Looked at before every step, and at the end.

        Returns:
            Whether training ended; `False` means interrupted and saved.
        """
        model, state = self._model, self._state
        model.stop_training = bool(state.stopped_early.numpy())
        train_function = model.make_train_function()
        batches = iter(dataset)
        step = int(state.step.numpy())
        last_step = self._epochs * self._steps_per_epoch
        self._callbacks.on_train_begin()
        self._checkpoint.restore_callbacks()
        while step < last_step and not model.stop_training:
            epoch, step_in_epoch = divmod(step, self._steps_per_epoch)
            started = time.monotonic()
            if step_in_epoch == 0:
                model.reset_metrics()
            self._callbacks.on_epoch_begin(epoch)
            while step_in_epoch < self._steps_per_epoch and interruption.look() is None:
                self._callbacks.on_train_batch_begin(step_in_epoch)
                logs = train_function(batches)
                self._callbacks.on_train_batch_end(step_in_epoch, logs)
                step, step_in_epoch = step + 1, step_in_epoch + 1
                state.step.assign(step)
                if self._is_due(step) and step_in_epoch < self._steps_per_epoch:
                    state.seconds.assign_add(time.monotonic() - started)
                    started = time.monotonic()
                    self._checkpoint.save()
            state.seconds.assign_add(time.monotonic() - started)
            if step_in_epoch == self._steps_per_epoch:
                self._callbacks.on_epoch_end(epoch, {k: float(v) for k, v in logs.items()})
                state.stopped_early.assign(bool(model.stop_training))
            self._checkpoint.save()
            if interruption.look() is not None:
                return False
        self._callbacks.on_train_end()
        # Callbacks may have taken hours, and more may follow.
        return interruption.look() is None

    def _is_due(self, step: int) -> bool:
        return self._checkpoint_every_steps is not None and step % self._checkpoint_every_steps == 0
