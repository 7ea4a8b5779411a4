"""Saving and restoring the whole state of a run."""

import pathlib
from collections.abc import Iterable, Mapping

import tensorflow as tf
from absl import logging

from rtml_tf.named_errors import errors_name
from rtml_tf.runs.callback_numbers import CallbackNumbers
from rtml_tf.whole_file import flush

# What TensorFlow raises for files that are not as they were written; an IndexError for short ones.
_UNREADABLE = (IndexError, tf.errors.OpError)


class RunState(tf.Module):
    """How far a run is; saved in every checkpoint, in one piece with the weights.

    Attributes:
        step: int64, gradient steps taken.
        steps_per_epoch: int64, such steps in an epoch (0: not known yet).
        best_value: float64, the best validation figure so far (NaN: none yet).
        best_epoch: int64, the epoch (from 1) that reached it.
        stale_validations: int64, validations since then.
        stopped_early: bool, whether training ended for want of progress.
        seconds: float64, time spent in training so far.
    """

    def __init__(self):
        super().__init__(name="run_state")
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.steps_per_epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.best_value = tf.Variable(float("nan"), dtype=tf.float64, trainable=False)
        self.best_epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.stale_validations = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.stopped_early = tf.Variable(False, trainable=False)
        self.seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)


class RunCheckpoint:
    """The checkpoints of a run: model, optimizers, running means, random states, run state,
    and what callbacks count.

    Two are kept, so that a run can go on where a power cut damages the one that is being written.
    """

    def __init__(
        self,
        *,
        model: tf.keras.Model,
        state: RunState,
        folder: pathlib.Path,
        callbacks: Iterable[tf.keras.callbacks.Callback] = (),
    ):
        """Prepares to save `model`, `state` and the numbers of `callbacks` in `folder`."""
        self._state = state
        self._callback_numbers = CallbackNumbers(callbacks)
        self._checkpoint = tf.train.Checkpoint(
            model=model,
            state=state,
            random_generators=_random_generators(model),
            callback_numbers=self._callback_numbers,
        )
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(folder), max_to_keep=2)

    def save(self) -> None:
        """Saves everything; the checkpoint counts only when it is complete.

        When this returns, it is on the disk.
        """
        path = pathlib.Path(self._manager.save(checkpoint_number=int(self._state.step.numpy())))
        folder = path.parent
        with errors_name(path):
            for file in (*folder.glob(f"{path.name}.*"), folder / "checkpoint", folder):
                flush(file)

    def restore(self) -> bool:
        """Restores the newest checkpoint that can be read.

        Returns:
            Whether there was one.

        Raises:
            ValueError: If no checkpoint can be read, or one does not hold exactly this model.
        """
        # Not the manager's own list, which is empty where the clock has gone back since.
        listed = tf.train.get_checkpoint_state(self._manager.directory)
        if listed is None:
            # TensorFlow writes this list whole, after the checkpoint, and takes garbage for none.
            file = pathlib.Path(self._manager.directory, "checkpoint")
            if file.exists():
                raise ValueError(f"{file} is damaged: it names no checkpoint to resume from.")
            return False
        unreadable = {}
        for path in reversed(listed.all_model_checkpoint_paths):
            try:
                self._checkpoint.restore(path).assert_existing_objects_matched()
            except _UNREADABLE as error:
                unreadable[path] = error
            except (AssertionError, ValueError) as error:
                raise ValueError(_does_not_fit(path, error)) from error
            else:
                _warn(unreadable, path)
                return True
        newest, error = next(iter(unreadable.items()))
        raise ValueError(_does_not_fit(newest, error)) from error

    def restore_callbacks(self) -> None:
        """Gives callbacks what they had counted; called after they have reset it to begin."""
        self._callback_numbers.begin()


def _warn(unreadable: Mapping[str, Exception], restored: str) -> None:
    for path, error in unreadable.items():
        logging.warning(
            "checkpoint %s cannot be read (%s); going on from the one before it, %s. What was "
            "trained since is trained again.",
            path,
            str(error).splitlines()[0],
            restored,
        )


def _does_not_fit(path: str, error: Exception) -> str:
    return f"checkpoint {path} is damaged or does not fit this model: {error}"


def _random_generators(model: tf.keras.Model) -> list[tf.random.Generator]:
    """The generators of random layers such as dropout, which Keras leaves out of checkpoints."""
    keras_generators = (
        getattr(layer, "_random_generator", None)
        for layer in model.submodules
        if isinstance(layer, tf.keras.layers.Layer)
    )
    generators = (getattr(generator, "_generator", None) for generator in keras_generators)
    return [generator for generator in generators if generator is not None]
