"""Validation after each epoch: keeps the best network, notices when there is no progress."""

import difflib
import math
from typing import Protocol

import tensorflow as tf
from absl import logging

from rtml_tf.networks.saving import save_network
from rtml_tf.runs.averaging import averaged_weights
from rtml_tf.runs.checkpoint import RunState
from rtml_tf.runs.run_folder import RunFolder, read_json, write_json
from rtml_tf.runs.workers import Workers


class Evaluation(Protocol):
    """Anything that gives figures of a network.

    It may also have the following:

    * `image_shape`, the shape of what the network is given: another network is then refused before
      it is trained;
    * `check_network(network)`, which refuses what else it cannot evaluate, then as well, with a
      `ValueError`.

    And these, which are called after the final evaluation:

    * `plot(figures, folder: pathlib.Path, name: str)` draws the figures that `evaluate` has just
      given into the run folder, named after the evaluation;
    * `describe() -> dict` says, for `metrics.json`, what was evaluated and how.

    Attributes:
        figure_names: The names of all figures that `evaluate` gives.
    """

    figure_names: tuple[str, ...]

    def evaluate(self, network: tf.keras.Model) -> dict[str, float]:
        """Returns the figures of `network` by name."""


class BestNetwork(tf.keras.callbacks.Callback):
    """Evaluates the network after epochs, saves the best and stops when it no longer improves.

    The figures are added to the epoch's logs as "validation/<name>". The best value, its epoch
    and the number of validations since are in the run state, so that a resumed run goes on with
    them. The epoch stands beside the network, too: the network of an epoch that a resumed run
    trains again does not count.
    """

    def __init__(
        self,
        *,
        evaluation: Evaluation,
        figure: str,
        higher_is_better: bool,
        every_epochs: int,
        patience: int | None,
        state: RunState,
        folder: RunFolder,
        epochs: int,
        workers: Workers,
    ):
        """Prepares validation by `figure` of `evaluation`.

        All of several workers evaluate, and go by the figures of the first.

        Raises:
            ValueError: If `evaluation` has no such figure, or a number is below 1.
        """
        super().__init__()
        if figure not in evaluation.figure_names:
            near = difflib.get_close_matches(figure, evaluation.figure_names, n=1)
            raise ValueError(
                f"the validation has no figure {figure!r}"
                + (f"; did you mean {near[0]!r}?" if near else ".")
                + f" It has: {', '.join(evaluation.figure_names)}."
            )
        if every_epochs < 1:
            raise ValueError(f"validate_every must be at least 1 epoch, got {every_epochs}.")
        if patience is not None and patience < 1:
            raise ValueError(f"patience must be at least 1 validation or None, got {patience}.")
        self._evaluation = evaluation
        self._figure = figure
        self._sign = 1.0 if higher_is_better else -1.0
        self._every_epochs = every_epochs
        self._patience = patience
        self._state = state
        self._folder = folder
        self._epochs = epochs
        self._workers = workers

    def on_train_begin(self, logs=None) -> None:
        del logs
        trained = int(self._state.step.numpy()) // self.params["steps"]
        if not self._folder.best.exists() or read_json(self._folder.best)["epoch"] <= trained:
            return
        logging.warning(
            "%s is of an epoch that is trained again; the best network is chosen among the epochs "
            "from %d on.",
            self._folder.network,
            trained + 1,
        )
        self._state.best_value.assign(math.nan)
        self._state.best_epoch.assign(0)
        self._state.stale_validations.assign(0)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if (epoch + 1) % self._every_epochs and epoch + 1 != self._epochs:
            return
        state = self._state
        with averaged_weights(self.model):
            figures = self._evaluation.evaluate(self.model.finished_network)
            figures = self._workers.figures_of_chief(figures)
            logs.update({f"validation/{name}": value for name, value in figures.items()})
            value, best = figures[self._figure], float(state.best_value.numpy())
            if math.isnan(best) or self._sign * (value - best) > 0:
                # First, so that no network of a later epoch passes for one of an earlier epoch.
                write_json(self._folder.best, {"epoch": epoch + 1, "value": value})
                save_network(self.model.finished_network, self._folder.network)
                state.best_value.assign(value)
                state.best_epoch.assign(epoch + 1)
                state.stale_validations.assign(0)
                return
        state.stale_validations.assign_add(1)
        if self._patience is not None and int(state.stale_validations.numpy()) >= self._patience:
            self.model.stop_training = True
