"""What a run writes while it trains: a CSV row an epoch, and the same for TensorBoard."""

import csv
import io
import time

import tensorflow as tf

from rtml_tf.runs.checkpoint import RunState
from rtml_tf.runs.run_folder import RunFolder, RunFolderError, write_text


def learning_rate(optimizer: tf.keras.optimizers.Optimizer) -> float:
    """The learning rate that the optimizer's next step takes."""
    rate = optimizer.learning_rate
    return float(tf.convert_to_tensor(rate(optimizer.iterations) if callable(rate) else rate))


class EpochLog(tf.keras.callbacks.Callback):
    """Appends one row an epoch to `log.csv` and writes the same values for TensorBoard.

    Rows of epochs that a resumed run trains again are removed first, so that the file reads as
    if the run had never stopped.
    """

    def __init__(
        self, *, folder: RunFolder, state: RunState, batch_size: int, steps_per_epoch: int
    ):
        """Prepares to log into `folder` and to the summary writer that is then the default."""
        super().__init__()
        self._folder = folder
        self._state = state
        self._batch_size = batch_size
        self._steps_per_epoch = steps_per_epoch
        self._columns: list[str] = []
        self._rows: list[dict[str, str]] = []

    def on_train_begin(self, logs=None) -> None:
        del logs
        if self._folder.log.exists():
            trained = int(self._state.step.numpy()) // self._steps_per_epoch
            try:
                self._read(trained)
            except (ValueError, KeyError, csv.Error) as error:
                raise RunFolderError(
                    f"{self._folder.log} is damaged: expected a table with a number under epoch in "
                    f"each row, got {error}. Remove it to go on without its rows."
                ) from error

    def _read(self, last_epoch: int) -> None:
        """Takes over the rows of the epochs that have been trained."""
        with open(self._folder.log, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            self._rows = [row for row in reader if int(row["epoch"]) <= last_epoch]
            self._columns = list(reader.fieldnames or [])

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        del epoch, logs
        self._first_step = int(self._state.step.numpy())
        self._started = time.monotonic()
        self._trained = None

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        del logs
        if batch + 1 == self._steps_per_epoch:
            self._trained = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        step = int(self._state.step.numpy())
        images = (step - self._first_step) * self._batch_size
        values = {
            "learning_rate": learning_rate(self.model.optimizer),
            "images_per_second": images / (self._trained - self._started),
            **logs,
        }
        row = {
            "epoch": epoch + 1,
            "step": step,
            "seconds": f"{float(self._state.seconds.numpy()):.2f}",
        }
        row |= {name: f"{value:.6g}" for name, value in values.items()}
        self._columns += [name for name in row if name not in self._columns]
        self._rows.append(row)
        text = io.StringIO()
        table = csv.DictWriter(text, self._columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(self._rows)
        write_text(self._folder.log, text.getvalue())
        for name, value in values.items():
            tf.summary.scalar(name if "/" in name else f"training/{name}", value, step=step)
        tf.summary.flush()
