"""MDProp on handwritten characters, beside the controls without which a gain means nothing.

    ./bazelw run //benchmarks:mdprop_omniglot -- --omniglot=/path/to/omniglot_small \
        --output=docs/results/mdprop_omniglot.md

Epsilon and the steps of the attack are chosen for each attacked method on validation characters,
by the mean of clean and misranked Recall@1, unless a single one is given. Every arm then keeps its
network of the best validation epoch and is evaluated on unseen characters, over seeds. Runs that
are recorded beside the output (`.json`) are not made again.

The arms are those of one of two studies: `--study=robustness`, MDProp beside controls and kindred
methods, and `--study=clean_gain`, where clean retrieval might gain, which takes longer training:

    ./bazelw run //benchmarks:mdprop_omniglot -- --omniglot=/path/to/omniglot_small \
        --study=clean_gain --seeds=0,1,2 --steps=3000 --strengths=16:1 \
        --output=docs/results/mdprop_clean_gain.md
"""

import dataclasses
import os
import pathlib

import matplotlib
import numpy as np
from absl import flags

from benchmarks import result_page
from benchmarks.mdprop_arms import (
    ADVPROP,
    CLEAN_GAIN,
    FIVE_TARGETS,
    JOINT,
    ROBUSTNESS,
    Arm,
    Strength,
)
from benchmarks.sweep import Run, Sweep, curves
from benchmarks.tables import difference, markdown_table, spread

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # pylint: disable=wrong-import-position

_OMNIGLOT = flags.DEFINE_string(
    "omniglot", None, "The folder that holds train and test.", required=True
)
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2", "3", "4"], "Seeds of weights and batches.")
_STRENGTHS = flags.DEFINE_list(
    "strengths", ["8:1", "16:1", "16:3", "32:1"], "Candidates, epsilon (of 255):steps."
)
_STEPS = flags.DEFINE_integer("steps", 1_000, "Training steps.")
_EPOCH = flags.DEFINE_integer("epoch", 50, "Steps between validations.")
_WIDTH = flags.DEFINE_float("width", 1.0, "Width factor of the network.")
_STUDY = flags.DEFINE_enum(
    "study", "robustness", ["robustness", "clean_gain"], "The arms: what MDProp is asked."
)

_WARM_UP = 300  # steps in which epsilon grows from 0
_CURVES = ("step", "validation/map@r")
_TESTED = ("4/255", "8/255", "16/255")
_CHOSEN_AT = "8/255"
_SCORED = 100  # queries that each of RobRank's nine attacks is made on
_SEED_OF_CHOICE = "100"


class _Experiment:
    """The runs and their figures."""

    def __init__(self, sweep: Sweep):
        self._sweep = sweep
        self.arms = CLEAN_GAIN if _STUDY.value == "clean_gain" else ROBUSTNESS
        self.strengths: dict[str, Strength] = {}
        self.candidates: list[Arm] = []

    def choose(self) -> None:
        """Chooses the strength of each attacked method on validation characters."""
        candidates = [Strength.from_text(text) for text in _STRENGTHS.value]
        if len(candidates) == 1:
            self.strengths = dict.fromkeys((arm.method for arm in self.arms), candidates[0])
            self.strengths.pop("", None)
            return
        arms = {arm.method: arm for arm in (FIVE_TARGETS, ADVPROP, JOINT)}
        arms = {
            method: [
                dataclasses.replace(arm, title=f"{arm.title} {strength}", strength=strength)
                for strength in candidates
            ]
            for method, arm in arms.items()
            if any(wanted.method == method for wanted in self.arms)
        }
        wanted = [arm for group in arms.values() for arm in group]
        self._sweep.make([self._choice_run(arm) for arm in wanted])
        for method, group in arms.items():
            self.strengths[method] = max(group, key=self.choice).strength
        self.candidates = wanted

    def choice(self, arm: Arm) -> float:
        """What a candidate is chosen by: the mean of its `choice_figures`."""
        return float(np.mean(self.choice_figures(arm)))

    def choice_figures(self, arm: Arm) -> tuple[float, float]:
        """Clean and misranked Recall@1 of validation characters, in percent."""
        name = [arm.name(_SEED_OF_CHOICE)]
        return tuple(
            self._sweep.values(name, "networks", "trained", evaluation, figure)[0]
            for evaluation, figure in (
                ("unseen classes", "recall@1"),
                ("unseen classes, misranked", f"recall@1 at {_CHOSEN_AT}"),
            )
        )

    def make(self) -> None:
        """Makes the runs of all arms."""
        self._sweep.make([self._test_run(arm, seed) for seed in _SEEDS.value for arm in self.arms])

    def strength(self, arm: Arm) -> Strength | None:
        """How the arm's attack searches, None without one."""
        return arm.strength or self.strengths.get(arm.method)

    def figures(self, arm: Arm, evaluation: str, figure: str) -> np.ndarray:
        """A figure over the seeds; in percent where it is a share."""
        return self._sweep.values(self._names(arm), "networks", "trained", evaluation, figure)

    def easier(self) -> float:
        """By how many points Recall@1 of the queries that are attacked is above that of all."""
        return float(
            np.mean(
                [
                    self.figures(arm, "attacked", "recall@1 at 0")
                    - self.figures(arm, "clean", "recall@1")
                    for arm in self.arms
                ]
            )
        )

    def seconds_a_step(self, arm: Arm) -> float:
        """Mean over the seeds."""
        steps = self._sweep.values(self._names(arm), "training", "steps").mean() / 100
        return 60 * self._sweep.minutes(self._names(arm)) / steps

    def curves(self, arm: Arm) -> tuple[np.ndarray, np.ndarray]:
        """Steps, and the mean over the seeds of the figure that chooses the network."""
        records = [self._sweep.records[name]["curves"] for name in self._names(arm)]
        return np.array(records[0][_CURVES[0]]), np.mean([x[_CURVES[1]] for x in records], axis=0)

    def _names(self, arm: Arm) -> list[str]:
        return [arm.name(seed) for seed in _SEEDS.value]

    def _choice_run(self, arm: Arm) -> Run:
        return self._run(arm, _SEED_OF_CHOICE, "robust_retrieval", "TEST = %VALIDATION")

    def _test_run(self, arm: Arm, seed: str) -> Run:
        scored = f"test/robrank.RobRankEvaluation.limit = {_SCORED}"
        return self._run(arm, seed, "robrank_and_recall", scored)

    def _run(self, arm: Arm, seed: str, evaluation: str, parameter: str) -> Run:
        parameters = [
            f"OMNIGLOT = {os.path.abspath(_OMNIGLOT.value)!r}",
            f"SEED = {seed}",
            # Enough characters that their retrieval still tells networks apart.
            "splits.class_split.fractions = {'train': 0.75, 'validation': 0.25}",
            "training.train.select_by = 'map@r'",
            f"resnet.cifar_resnet.width = {_WIDTH.value}",
            f"batches.TrainingBatches.steps_per_epoch = {_EPOCH.value}",
            f"training.train.epochs = {self._steps(arm) // _EPOCH.value}",
            "training.train.baselines = None",
            "training.train.evaluate_untrained = False",
            "training.train.artefacts = []",
            "training.train.callbacks = []",
            parameter,
            *arm.parameters,
        ]
        strength = self.strength(arm)
        if strength is not None:
            attack = "projected_gradient_descent.ProjectedGradientDescent"
            schedule = "epsilon/tf.keras.optimizers.schedules.PolynomialDecay"
            parameters += [
                f"EPSILON = {float(strength.epsilon) / 255:.8f}",
                f"{schedule}.decay_steps = {_WARM_UP}",
            ]
            if "noise" not in arm.title:
                parameters.append(f"{attack}.steps = {strength.steps}")
            if arm.method == "joint":
                parameters.append(f"{attack}.relative_step_size = {1 / strength.steps}")
        experiment, *changes = arm.gin_files
        files = [experiment, "data/omniglot.gin", *changes, f"evaluation/{evaluation}.gin"]
        return Run(arm.name(seed), [f"gin_configs/{file}" for file in files], parameters)

    def _steps(self, arm: Arm) -> int:
        if not arm.longer:
            return _STEPS.value
        # In forward passes of a batch: 9 a step of MDProp with one attack step, 3 of the baseline.
        return round(_STEPS.value * (7 + 2 * self.strengths["mdprop"].steps) / 3)


def _table(experiment: _Experiment) -> str:
    columns = [
        *("training", "attack", "Recall@1", *(f"at {epsilon}" for epsilon in _TESTED)),
        *(f"misranked, {_TESTED[1]}", "ERS"),
        *("density", "rho", "s/step", "Recall@1, change", "at 8/255, change"),
    ]
    by_title = {arm.title: arm for arm in experiment.arms}
    rows = []
    for arm in experiment.arms:
        clean = experiment.figures(arm, "clean", "recall@1")
        robust = [experiment.figures(arm, "attacked", f"recall@1 at {x}") for x in _TESTED]
        changes = ["", ""]
        control = by_title.get(arm.control)
        if control is not None and control is not arm:
            changes = [
                difference(clean, experiment.figures(control, "clean", "recall@1")),
                difference(
                    robust[1], experiment.figures(control, "attacked", f"recall@1 at {_TESTED[1]}")
                ),
            ]
        strength = experiment.strength(arm)
        rows.append(
            [
                arm.title,
                "" if strength is None else str(strength),
                spread(clean),
                *map(spread, robust),
                spread(experiment.figures(arm, "misranked", f"recall@1 at {_TESTED[1]}")),
                spread(experiment.figures(arm, "RobRank", "ERS") / 100),
                f"{experiment.figures(arm, 'clean', 'density').mean() / 100:.3f}",
                f"{experiment.figures(arm, 'clean', 'rho').mean() / 100:.2f}",
                f"{experiment.seconds_a_step(arm):.3f}",
                *changes,
            ]
        )
    return markdown_table(columns, rows, words=2)


def _candidates(experiment: _Experiment) -> str:
    if not experiment.candidates:
        return "Epsilon and steps of the attack in training were given."
    rows = []
    for arm in experiment.candidates:
        clean, misranked = experiment.choice_figures(arm)
        chosen = "chosen" if arm.strength == experiment.strengths[arm.method] else ""
        rows.append([arm.method, str(arm.strength), chosen, f"{clean:.1f}", f"{misranked:.1f}"])
    columns = ["method", "attack", "", "Recall@1", f"misranked, {_CHOSEN_AT}"]
    return f"""Epsilon and steps of the attack in training were chosen on validation characters
(seed {_SEED_OF_CHOICE}), by the mean of clean and misranked Recall@1:

{markdown_table(columns, rows, words=3)}"""


def _plot(experiment: _Experiment, path: pathlib.Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for arm, colour in zip(experiment.arms, plt.get_cmap("tab20").colors):
        steps, values = experiment.curves(arm)
        style = {"ls": "--" if experiment.strength(arm) is None else "-", "lw": 1, "color": colour}
        left.plot(steps, 100 * values, label=arm.title, **style)
        robust = [
            experiment.figures(arm, "attacked", f"recall@1 at {x}").mean() for x in ("0", *_TESTED)
        ]
        right.plot([0, 4, 8, 16], robust, **style)
    left.set_xlabel("step")
    left.set_ylabel("MAP@R of validation characters, %")
    right.set_xlabel("epsilon of the attack on unseen characters, of 255")
    right.set_ylabel("Recall@1 of the queries that are attacked, %")
    for axes in (left, right):
        axes.grid(alpha=0.4)
    figure.legend(loc="outside right", fontsize=7)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Makes the missing runs, then writes the tables and the plot."""
    experiment = _Experiment(
        result_page.open_sweep(
            "mdprop_omniglot", more=lambda folder: {"curves": curves(folder, _CURVES)}
        )
    )
    experiment.choose()
    experiment.make()
    _plot(experiment, result_page.plot())
    easier = experiment.easier()
    result_page.write(
        f"""# MDProp on handwritten characters: {_STUDY.value.replace("_", " ")}

Characters of Omniglot that were not trained on, in percent: mean ± standard deviation over
{len(_SEEDS.value)} seeds. A network of width {_WIDTH.value} is trained for {_STEPS.value} steps
("equal computation": as many more as MDProp's steps cost); every arm keeps its network of the best
validation epoch. "At" is Recall@1 under projected gradient descent in 32 steps that shifts the
embeddings of 200 queries as far as possible (without attack their Recall@1 is {easier:.1f} points
above that of all); "misranked" is the same search for what brings an image of another class first,
which is the stronger attack. ERS is the score of RobRank on {_SCORED}
queries, density the ratio of intra- to inter-class distance, rho the spectral decay.
MDProp with T targets has two branches, of 1 and of T targets. Changes are paired, against the
baseline with the same loss, with the p-value of a t-test.

{_table(experiment)}

![Learning curves and robustness]({result_page.plot().name})

{_candidates(experiment)}

    ./bazelw run //benchmarks:mdprop_omniglot -- --omniglot=omniglot_small \\
        --study={_STUDY.value} --seeds={",".join(_SEEDS.value)} --steps={_STEPS.value} \\
        --width={_WIDTH.value} --strengths={",".join(_STRENGTHS.value)} \\
        --output={result_page.output()}
"""
    )


if __name__ == "__main__":
    result_page.run(main)
