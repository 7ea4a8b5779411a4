"""Saving and restoring the whole state of a run."""

import pathlib

import tensorflow as tf


class RunState(tf.Module):
    """How far a run is; saved in every checkpoint, in one piece with the weights.

    Attributes:
        step: int64, gradient steps taken.
        best_value: float64, the best validation figure so far (NaN: none yet).
        best_epoch: int64, the epoch (from 1) that reached it.
        stale_validations: int64, validations since then.
        stopped_early: bool, whether training ended for want of progress.
        seconds: float64, time spent in training so far.
    """

    def __init__(self):
        super().__init__(name="run_state")
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.best_value = tf.Variable(float("nan"), dtype=tf.float64, trainable=False)
        self.best_epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.stale_validations = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.stopped_early = tf.Variable(False, trainable=False)
        self.seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)


class RunCheckpoint:
    """The checkpoints of a run: model, optimizers, running means, random states, run state."""

    def __init__(self, *, model: tf.keras.Model, state: RunState, folder: pathlib.Path):
        """Prepares to save `model` and `state` in `folder`; the newest two are kept."""
        self._state = state
        self._checkpoint = tf.train.Checkpoint(
            model=model, state=state, random_generators=_random_generators(model)
        )
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(folder), max_to_keep=2)

    def save(self) -> None:
        """Saves everything; the checkpoint counts only when it is complete."""
        self._manager.save(checkpoint_number=int(self._state.step.numpy()))

    def restore(self) -> bool:
        """Restores the newest checkpoint.

        Returns:
            Whether there was one.

        Raises:
            ValueError: If the checkpoint does not hold exactly this model.
        """
        newest = self._manager.latest_checkpoint
        if newest is None:
            # TensorFlow writes this list whole, after the checkpoint, and takes garbage for none.
            listed = pathlib.Path(self._manager.directory, "checkpoint")
            if listed.exists():
                raise ValueError(f"{listed} is damaged: it names no checkpoint to resume from.")
            return False
        try:
            status = self._checkpoint.restore(newest)
            status.assert_existing_objects_matched()
        except (AssertionError, IndexError, ValueError, tf.errors.OpError) as error:
            raise ValueError(
                f"checkpoint {newest} is damaged or does not fit this model: {error}"
            ) from error
        return True


def _random_generators(model: tf.keras.Model) -> list[tf.random.Generator]:
    """The generators of random layers such as dropout, which Keras leaves out of checkpoints."""
    keras_generators = (
        getattr(layer, "_random_generator", None)
        for layer in model.submodules
        if isinstance(layer, tf.keras.layers.Layer)
    )
    generators = (getattr(generator, "_generator", None) for generator in keras_generators)
    return [generator for generator in generators if generator is not None]
