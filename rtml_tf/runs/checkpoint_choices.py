"""What other ways to choose the checkpoint would have given, beside the way that is used."""

import dataclasses
import math
from collections.abc import Mapping

import tensorflow as tf

from rtml_tf.networks.fingerprint import network_fingerprint
from rtml_tf.networks.saving import load_network, save_network
from rtml_tf.runs.averaging import averaged_weights, keeps_average
from rtml_tf.runs.checkpoint import RunState
from rtml_tf.runs.given_parts import check_evaluations
from rtml_tf.runs.report import figures_table
from rtml_tf.runs.run_folder import RunFolder, read_json, write_json
from rtml_tf.runs.selection import Evaluation
from rtml_tf.runs.workers import Workers

_LAST = "last"
_NOT_AVERAGED = "last, not averaged"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """The network of the epoch with the best figure.

    Attributes:
        evaluation: Evaluated after epochs.
        figure: The figure of `evaluation` that chooses.
        higher_is_better: Whether a higher figure is a better one.
    """

    evaluation: Evaluation
    figure: str
    higher_is_better: bool = True

    def __post_init__(self):
        """Raises a `ValueError` if `evaluation` has no such figure."""
        if self.figure not in self.evaluation.figure_names:
            raise ValueError(
                f"the evaluation has no figure {self.figure!r}. It has: "
                f"{', '.join(self.evaluation.figure_names)}."
            )

    def prefers(self, value: float, best: float | None) -> bool:
        """Whether a figure is better than the best one so far (None or NaN: none yet)."""
        if best is None or math.isnan(best):
            return True
        return value > best if self.higher_is_better else value < best


class CheckpointChoices(tf.keras.callbacks.Callback):
    """Keeps the networks that other choices would have given, and evaluates all of them at the end.

    In domain adaptation runs oscillate, and the best checkpoint by the target's labels is not one
    that anybody without them can have. This shows both, and the last network; where the optimizer
    keeps a moving average of the weights, also the last one as it is. All others are averages then.

    The run folder gets `choices/<name>.keras`, and `choices.json`: by name the epoch, the figure
    that chose it and, at the end, its fingerprint and its figures. Figures of every epoch are added
    to the log as "validation/<name>/<figure>". A run that is resumed goes on with its choices, and
    with their evaluations. All of several workers choose by the figures of the first.

    Attributes:
        networks_kept: How many networks the run folder gets.
    """

    def __init__(
        self,
        *,
        choices: Mapping[str, Choice],
        evaluations: Mapping[str, Evaluation],
        every_epochs: int = 1,
    ):
        """Prepares the choices.

        Args:
            choices: By name.
            evaluations: What the networks are evaluated by at the end, by name.
            every_epochs: Epochs between evaluations of the choices.

        Raises:
            ValueError: If a name is taken by the last network, or `every_epochs` is below 1.
        """
        super().__init__()
        for name in (_LAST, _NOT_AVERAGED):
            if name in choices:
                raise ValueError(f"choices must not be named {name!r}: that is always there.")
        if every_epochs < 1:
            raise ValueError(f"every_epochs must be at least 1, got {every_epochs}.")
        self._choices = dict(choices)
        self._evaluations = dict(evaluations)
        self._every_epochs = every_epochs
        self.networks_kept = len(self._choices) + 2
        self._folder: RunFolder | None = None
        self._state: RunState | None = None

    def use_folder(self, folder: RunFolder) -> None:
        """Takes the run folder; called before training."""
        self._folder = folder

    def use_state(self, state: RunState) -> None:
        """Takes how far the run is; called before training."""
        self._state = state

    def on_train_begin(self, logs=None) -> None:
        del logs
        if self._folder is None or self._state is None:
            raise ValueError(
                "CheckpointChoices needs use_folder and use_state to be called before training."
            )
        network = self.model.finished_network
        check_evaluations(self._evaluations, network=network, name="CheckpointChoices.evaluations")
        self._workers = Workers()
        self._file = self._folder.path / "choices.json"
        self._kept = read_json(self._file) if self._file.exists() else {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if (epoch + 1) % self._every_epochs:
            return
        with averaged_weights(self.model):
            network = self.model.finished_network
            # Choices that share an evaluation have it done once.
            shared = {id(choice.evaluation): choice.evaluation for choice in self._choices.values()}
            figures = {
                key: self._workers.figures_of_chief(evaluation.evaluate(network))
                for key, evaluation in shared.items()
            }
            for name, choice in self._choices.items():
                given = figures[id(choice.evaluation)]
                logs.update({f"validation/{name}/{key}": value for key, value in given.items()})
                value = given[choice.figure]
                if choice.prefers(value, self._kept.get(name, {}).get("value")):
                    self._keep(name, {"epoch": epoch + 1, "value": value})

    def on_train_end(self, logs=None) -> None:
        del logs
        # Not of the model's steps, of which a method may take several with one batch.
        epoch = int(self._state.step.numpy()) // self.params["steps"]
        with averaged_weights(self.model):
            self._keep(_LAST, self._kept.get(_LAST, {}) | {"epoch": epoch})
        if keeps_average(self.model):
            self._keep(_NOT_AVERAGED, self._kept.get(_NOT_AVERAGED, {}) | {"epoch": epoch})
        for name, kept in self._kept.items():
            network = load_network(self._network_file(name))
            fingerprint = network_fingerprint(network)
            if kept.get("network") != fingerprint:
                kept.update(network=fingerprint, figures={})
            for key, evaluation in self._evaluations.items():
                if key not in kept["figures"]:
                    kept["figures"][key] = evaluation.evaluate(network)
                    write_json(self._file, self._kept)
        print(figures_table({f"{n} ({k['epoch']})": k["figures"] for n, k in self._kept.items()}))

    def _keep(self, name: str, entry: dict) -> None:
        # The network first: where only that was written, it is written again.
        save_network(self.model.finished_network, self._network_file(name))
        self._kept[name] = entry
        write_json(self._file, self._kept)

    def _network_file(self, name: str):
        return self._folder.path / "choices" / f"{name}.keras"
