"""What a run does about losses and gradients that are not finite: tells, and stops in time."""

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from rtml_tf.data.batches import TrainingBatches
from rtml_tf.models.training_model import TrainingModel
from rtml_tf.runs.checkpoint import RunState
from rtml_tf.runs.run_folder import RunFolder
from rtml_tf.whole_file import whole_file

# To look at a variable is to wait for the device, which should have the next step by then.
_STEPS_BETWEEN_LOOKS = 16


class NotFiniteError(ValueError):
    """Training that cannot go on, because the loss or a gradient is no longer finite."""


class NotFiniteWatch(tf.keras.callbacks.Callback):
    """Counts the steps that the model skips (see `SkippedSteps`) and stops after too many in a row.

    The count is logged with every epoch, once it is above 0. A run that stops leaves the batch of
    the first skipped step of the row in the run folder, with the number of steps before it, the
    loss and the names of the weights whose gradient was not finite. No weight has changed since.
    """

    def __init__(
        self,
        *,
        folder: RunFolder,
        state: RunState,
        train_data: TrainingBatches,
        stop_after: int | None,
    ):
        """Prepares to watch.

        Args:
            folder: The run folder.
            state: How far the run is.
            train_data: Gives the batch again.
            stop_after: The skipped steps in a row after which the run stops; `None`: never.

        Raises:
            ValueError: If `stop_after` is below 1.
        """
        super().__init__()
        if stop_after is not None and stop_after < 1:
            raise ValueError(
                "stop_after_skipped_steps must be at least 1 step, or None to go on for ever, got "
                f"{stop_after}."
            )
        self._folder = folder
        self._state = state
        self._train_data = train_data
        self._stop_after = stop_after

    def on_train_begin(self, logs=None) -> None:
        del logs
        skipped = self.model.skipped_steps
        skipped.stop_after = self._stop_after
        self._reported = int(skipped.count.numpy())

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        del logs
        if self._stop_after is None:
            return
        last = batch + 1 == self._train_data.steps_per_epoch
        if last or (batch + 1) % _STEPS_BETWEEN_LOOKS == 0:
            if int(self.model.skipped_steps.in_a_row.numpy()) >= self._stop_after:
                raise NotFiniteError(self._report())

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        count = int(self.model.skipped_steps.count.numpy())
        if count:
            logs["skipped_steps"] = float(count)
        if count > self._reported:
            logging.warning(
                "%d steps of epoch %d were skipped: their loss or a gradient was not finite.",
                count - self._reported,
                epoch + 1,
            )
            self._reported = count

    def _report(self) -> str:
        """Saves the batch and says what happened."""
        skipped = self.model.skipped_steps
        # A method may take several gradient steps with one batch.
        steps_a_batch = int(self.model.step.numpy()) // (int(self._state.step.numpy()) + 1)
        step, loss = int(skipped.step.numpy()) // steps_a_batch, float(skipped.loss.numpy())
        names = _not_finite(self.model)
        file = self._folder.path / f"not_finite_after_step_{step}.npz"
        try:
            batch = next(iter(self._train_data.dataset(start_step=step)))
            _save(file, batch, step=step, loss=loss, gradients=names)
            saved = f"The batch is in {file}."
        except OSError as error:
            saved = f"The batch could not be saved: {error}."
        steps = "the loss or a gradient of the next step was not finite"
        if self._stop_after > 1:
            steps = f"the loss or a gradient was not finite in the next {self._stop_after} steps"
        more = f" and {len(names) - 3} others" if len(names) > 3 else ""
        return (
            f"the run stopped after step {step}: {steps} (loss {loss:g}; not finite: the gradients "
            f"of {', '.join(names[:3])}{more}). No weight has changed since. {saved} Lower the "
            "learning rate, mend the data, or allow more (training.train.stop_after_skipped_steps)."
        )


def _not_finite(model: TrainingModel) -> list[str]:
    """The names of the weights whose gradient was not finite in the first step of the row."""
    variables = [v for _, group in model.optimizers_and_variables() for v in group]
    finite = np.isfinite(model.skipped_steps.gradient_sums.numpy())
    weights = [*variables, *model.sharded_rows]
    return [weight.name for weight, good in zip(weights, finite) if not good]


def _save(file: pathlib.Path, batch: Mapping[str, Any], **values: Any) -> None:
    with whole_file(file) as aside:
        np.savez(aside, **{name: tensor.numpy() for name, tensor in _named(batch)}, **values)


def _named(batch: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, tf.Tensor]]:
    """The tensors of a nested batch, by names such as "source/image"."""
    for key, value in batch.items():
        if isinstance(value, Mapping):
            yield from _named(value, f"{path}{key}/")
        else:
            yield f"{path}{key}", value
