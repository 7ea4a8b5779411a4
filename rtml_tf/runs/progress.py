"""What a run shows while it trains: a bar on a terminal, a line an epoch elsewhere."""

import sys
import time
from typing import TextIO

import tensorflow as tf

from rtml_tf.runs.checkpoint import RunState


class Progress(tf.keras.callbacks.Callback):
    """Shows on a terminal a bar over the whole run with the time left, and a line an epoch.

    The line has the running means of training and, of the validation, the figure that chooses the
    network; all figures are in the log.
    """

    def __init__(
        self,
        *,
        state: RunState,
        steps_per_epoch: int,
        epochs: int,
        figure: str | None,
        stream: TextIO | None = None,
    ):
        """Prepares to write to `stream` (default: standard output)."""
        super().__init__()
        self._state = state
        self._steps_per_epoch = steps_per_epoch
        self._epochs = epochs
        self._figure = f"validation/{figure}"
        self._stream = stream or sys.stdout
        self._bar = None

    def on_train_begin(self, logs=None) -> None:
        del logs
        self._first_step = int(self._state.step.numpy())
        self._started = time.monotonic()
        if self._stream.isatty():
            steps = self._epochs * self._steps_per_epoch - self._first_step
            self._bar = tf.keras.utils.Progbar(steps, interval=0.5, unit_name="step")

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        del logs
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        if self._bar is not None:
            done = self._epoch * self._steps_per_epoch + batch + 1 - self._first_step
            # Running means are already averages: the bar shows them as they are.
            self._bar.stateful_metrics = set(logs)
            self._bar.update(done, values=list(logs.items()), finalize=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        step = int(self._state.step.numpy())
        remaining = self._epochs * self._steps_per_epoch - step
        seconds_per_step = (time.monotonic() - self._started) / max(step - self._first_step, 1)
        values = "  ".join(
            f"{name} {value:.4g}"
            for name, value in logs.items()
            if not name.startswith("validation/") or name == self._figure
        )
        # On a terminal the line takes the place of the bar, which is drawn again below it.
        start = "" if self._bar is None else "\r\x1b[K"
        print(
            f"{start}epoch {epoch + 1}/{self._epochs}  {values}  "
            f"[{_duration(remaining * seconds_per_step)} left]",
            file=self._stream,
            flush=True,
        )


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
