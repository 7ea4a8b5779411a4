"""What robust evaluations share: attack some images at several epsilons, measure, report."""

import abc
import pathlib
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.honesty_report import NUM_EVALUATIONS, HonestyReport
from rtml_tf.attacks.inference_view import checked_compute_dtype
from rtml_tf.attacks.objective import Objective
from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.data.array_cache import ArrayCache
from rtml_tf.data.batches import OrderedBatches
from rtml_tf.data.source import ImageSource, Subset
from rtml_tf.evaluation.attacked_embeddings import (
    AttackedEmbeddings,
    branches_under_attack,
    progress_bar,
)
from rtml_tf.evaluation.embeddings import check_unit_length, embed
from rtml_tf.evaluation.epsilons import checked_epsilons, figure_at
from rtml_tf.evaluation.gathered_rows import GatheredRows
from rtml_tf.evaluation.honesty import HonestyChecks, described
from rtml_tf.evaluation.pictures import file_in, show_in_tensorboard
from rtml_tf.evaluation.robustness_plot import write_robustness_plot
from rtml_tf.evaluation.sampling import stratified_sample
from rtml_tf.networks.checking import check_differentiable, check_input_shape

EPSILONS = (2 / 255, 4 / 255, 8 / 255)


def default_attack() -> ProjectedGradientDescent:
    """Projected gradient descent with 32 steps of 2.5 / 32 epsilon, from a random start."""
    return ProjectedGradientDescent(epsilon=EPSILONS[-1], steps=32, relative_step_size=2.5 / 32)


class RobustEvaluation(abc.ABC):
    """Figures of a network on images that are attacked, beside clean ones that are not.

    Every image of a source is embedded clean, once for a network; a list of them is attacked at
    every epsilon. The same images are attacked with the same seeds in every call.

    An attack is traced once for a network. The graphs of the latest network are kept (and the
    network with them), so that one that is evaluated again and again, as in validation, is not
    traced again; those of an earlier network are dropped.

    With a surrogate the evaluation is a transfer attack: whoever attacks does not have the network,
    but another one, and what he finds for that one is shown to the network. That does not depend on
    the network: with `keep_attacked` it is searched for once, also for networks of other runs.

    A subclass says what is attacked and what the figures are: it overrides `_measure`, `_entries`
    where its objective reads more than images and labels, and `_needs_unit_length` where its
    objective, like the figures, does not mind the length of embeddings.

    Attributes:
        figure_names: The figures that `evaluate` gives, such as "recall@1 at 0" for the clean one
            and "recall@1 at 4/255".
        epsilons: Where the network is attacked, in pixel units.
        image_shape: Of the images that a network is given.
    """

    _needs_unit_length = True

    def __init__(
        self,
        *,
        figures: Sequence[str],
        source: ImageSource,
        candidates: np.ndarray,
        strata: np.ndarray,
        attack: Attack | None,
        objective: Objective,
        epsilons: Sequence[float],
        batch_size: int,
        limit: int | None,
        seed: int,
        compute_dtype: str,
        honesty_checks: HonestyChecks | None,
        surrogate: tf.keras.Model | None,
        keep_attacked: bool,
    ):
        """Chooses the images to attack.

        Args:
            figures: Names of the figures that `_measure` gives, the most important one first.
            source: All images.
            candidates: int `[Q]`, the images of `source` that can be attacked, in any order and
                with repetitions.
            strata: int `[Q]`, kinds of candidates that a sample shall hold equally many of.
            attack: How to search; its epsilon is replaced by each of `epsilons`. `None`:
                `default_attack()`.
            objective: What the attack raises.
            epsilons: In pixel units, above 0 and rising.
            batch_size: Images attacked at once.
            limit: At most this many candidates are attacked. `None`: all.
            seed: Of the choice that `limit` makes, and of the attacks.
            compute_dtype: Type that the attack's passes compute in, see `InferenceView`.
            honesty_checks: Made for every network that is evaluated. `None`: not made.
            surrogate: The network that the attack sees. `None`: the one that is evaluated.
            keep_attacked: Whether what it finds on the surrogate is kept on disk.

        Raises:
            ValueError: If an argument is out of range, the attack cannot be checked or cannot
                raise the objective, the surrogate does not take the images or has no gradient, or
                there is none and images are to be kept.
        """
        self._attack = default_attack() if attack is None else attack
        self._objective = objective
        self.epsilons = checked_epsilons(epsilons, self._attack)
        if honesty_checks is not None:
            if surrogate is not None:
                raise ValueError(
                    "honesty_checks are about an attack that sees the network, got a surrogate as "
                    "well; leave out one of them."
                )
            honesty_checks.check_attack(self._attack)
        self._attack.check_objective(objective)
        if surrogate is not None:
            check_input_shape(surrogate, source.image_shape)
            if self._attack.needs_gradient:
                check_differentiable(surrogate, source.image_shape)
        elif keep_attacked:
            raise ValueError(
                "keep_attacked keeps what is found on a surrogate, got no surrogate; leave it out."
            )
        self._surrogate = surrogate
        self._cache = ArrayCache() if keep_attacked else None
        self.figure_names = tuple(
            figure_at(figure, epsilon) for epsilon in (0.0, *self.epsilons) for figure in figures
        )
        self._figures = tuple(figures)
        self.image_shape = source.image_shape
        self._source = source
        self._batches = OrderedBatches(source=source, batch_size=batch_size)
        self._candidates = np.asarray(candidates, np.int64)
        self._rows = stratified_sample(strata, limit, seed=seed)
        self._attacked_batches = self._batches_of(self._rows)
        self._limit = limit
        self._seed = seed
        self._compute_dtype = checked_compute_dtype(compute_dtype)
        self._honesty_checks = honesty_checks
        self._checked_rows = self._rows
        if honesty_checks is not None:
            kinds = np.asarray(strata)[self._rows]
            checked = stratified_sample(
                kinds, honesty_checks.limit, seed=seed, name="honesty_checks.limit"
            )
            self._checked_rows = self._rows[checked]
        self._branch: dict[str, str] | None = None
        self._honesty_report: HonestyReport | None = None
        self._under_attack: AttackedEmbeddings | None = None

    def evaluate(self, network: tf.keras.Model) -> dict[str, float]:
        """The figures of `network` in inference mode, clean and at every epsilon.

        A bar shows the progress on a terminal, and another one that of the honesty checks.

        Raises:
            ValueError: If the network does not take the images or gives embeddings that are not
                finite, or the one that the attack sees gives some that are not at unit length.
        """
        self._branch = branches_under_attack(network, self._surrogate)
        clean, _ = embed(network, self._batches)
        rows = self._rows
        seen = clean if self._surrogate is None else embed(self._surrogate, self._batches)[0]
        measured = {0.0: self._measure(clean, clean[self._candidates[rows]], rows)}
        if self._needs_unit_length:
            # The figures do not mind the length of embeddings, but an attack might raise it alone.
            check_unit_length(seen, name="network" if self._surrogate is None else "surrogate")
        entries = self._entries(seen, rows)
        advance = progress_bar(len(self.epsilons) * self._attacked_batches.steps)
        for epsilon in self.epsilons:
            attacked = self._prepared(network).embed(
                self._attacked_batches,
                entries,
                attack=self._attack,
                epsilon=epsilon,
                seed=self._seed,
                advance=advance,
            )
            measured[epsilon] = self._measure(clean, attacked, rows)
        if self._honesty_checks is not None:
            self._honesty_report = self._checked(network, clean)
        return {
            figure_at(figure, epsilon): figures[figure]
            for epsilon, figures in measured.items()
            for figure in self._figures
        }

    def check_network(self, network: tf.keras.Model) -> None:
        """Refuses a network on which the attack cannot find anything, see `selection.Evaluation`.

        With honesty checks it is let pass: they tell what gradients are worth.

        Raises:
            ValueError: If the attack needs gradients that the network does not pass.
        """
        sees_network = self._surrogate is None and self._honesty_checks is None
        if sees_network and self._attack.needs_gradient:
            check_differentiable(network, self.image_shape)

    def describe(self) -> dict:
        """What was attacked and how, and what the honesty checks of the latest network found.

        Returns:
            A dict that JSON can hold; its branch (`branches_under_attack`) is None before the first
            network.
        """
        description = {
            "attack": {"name": type(self._attack).__name__, **self._attack_parameters()},
            "objective": {"name": type(self._objective).__name__, **self._objective.get_config()},
            "epsilons": list(self.epsilons),
            "branch": self._branch,
            "surrogate": self._surrogate and self._surrogate.name,
            "attacked": len(self._rows),
            "of": len(self._candidates),
            "limit": self._limit,
            "seed": self._seed,
            "batch_size": self._batches.batch_size,
            "compute_dtype": self._compute_dtype,
        }
        if self._honesty_report is not None:
            description["honesty"] = described(
                self._honesty_report,
                epsilon=self._honesty_checks.epsilon,
                images=len(self._checked_rows),
            )
        return description

    def plot(self, figures: Mapping[str, float], folder: pathlib.Path, name: str) -> None:
        """Draws the figures over epsilon, and writes down the honesty checks if there are any.

        Args:
            figures: What `evaluate` gave.
            folder: The run folder: gets `<name>.png`, the same picture in `tensorboard`, and
                `<name>_honesty.txt`.
            name: The name of this evaluation.
        """
        file = file_in(folder, name, ".png")
        curves = {
            figure: {e: figures[figure_at(figure, e)] for e in (0.0, *self.epsilons)}
            for figure in self._figures
        }
        parameters = [f"{k}={v}" for k, v in self._attack_parameters().items() if v is not None]
        names = [type(part).__name__ for part in (self._attack, self._objective)]
        title = f"{name}: {len(self._rows)} images, {' on '.join(names)}"
        title = "\n".join([title, *textwrap.wrap(", ".join(parameters))])
        write_robustness_plot(file=str(file), curves=curves, title=title)
        show_in_tensorboard(file, folder=folder, name=name)
        if self._honesty_report is not None:
            text = file_in(folder, name, "_honesty.txt")
            text.write_text(f"{self._honesty_report}\n", encoding="utf-8")

    @abc.abstractmethod
    def _measure(
        self, clean: np.ndarray, attacked: np.ndarray, rows: np.ndarray
    ) -> dict[str, float]:
        """The figures of some candidates, by name, in [0, 1], higher being more robust.

        Args:
            clean: float32 `[N, D]`, clean embeddings of the source.
            attacked: float32 `[R, D]`, embeddings of the candidates under attack.
            rows: int `[R]`, which candidates these are.
        """

    def _entries(self, clean: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray | GatheredRows]:
        """What the objective reads beside images and labels, `[R, ...]`."""
        del clean, rows
        return {}

    def _attack_parameters(self) -> dict:
        """All that JSON can hold, without the epsilon that is replaced."""
        parameters = {**self._attack.get_config(), "ball": type(self._attack.ball).__name__}
        del parameters["epsilon"]
        return parameters

    def _batches_of(self, rows: np.ndarray) -> OrderedBatches:
        images = Subset(self._source, self._candidates[rows])
        return OrderedBatches(source=images, batch_size=self._batches.batch_size)

    def _prepared(self, network: tf.keras.Model) -> AttackedEmbeddings:
        if self._under_attack is None or self._under_attack.network is not network:
            self._under_attack = None  # What is held of an earlier network goes first.
            self._under_attack = AttackedEmbeddings(
                network=network,
                image_shape=self._source.image_shape,
                objective=self._objective,
                compute_dtype=self._compute_dtype,
                surrogate=self._surrogate,
                cache=self._cache,
            )
        return self._under_attack

    def _checked(self, network: tf.keras.Model, clean: np.ndarray) -> HonestyReport:
        rows = self._checked_rows
        batches, entries = self._batches_of(rows), self._entries(clean, rows)
        advance = progress_bar(NUM_EVALUATIONS * batches.steps, unit="batch of the honesty checks")

        def figure(attack: Attack) -> float:
            attacked = self._prepared(network).embed(
                batches,
                entries,
                attack=attack,
                epsilon=attack.epsilon,
                seed=self._seed,
                advance=advance,
            )
            return self._measure(clean, attacked, rows)[self._figures[0]]

        image_size = int(np.prod(self._source.image_shape))
        return self._honesty_checks.report(figure, self._attack, image_size=image_size)
