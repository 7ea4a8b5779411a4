"""The runs that MDProp is compared by, and their figures."""

import dataclasses
import os

import numpy as np
from absl import flags

from benchmarks import result_page
from benchmarks.mdprop_arms import (
    ADVPROP,
    ATTACK,
    CLEAN_GAIN,
    FIVE_TARGETS,
    JOINT,
    ROBUSTNESS,
    Arm,
    Strength,
)
from benchmarks.sweep import Run, curves
from benchmarks.tables import difference

_OMNIGLOT = flags.DEFINE_string(
    "omniglot", None, "The folder that holds train and test.", required=True
)
SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2", "3", "4"], "Seeds of weights and batches.")
STRENGTHS = flags.DEFINE_list(
    "strengths", ["8:1", "16:1", "16:3", "32:1"], "Candidates, epsilon (of 255):steps."
)
STEPS = flags.DEFINE_integer("steps", 1_000, "Training steps.")
_EPOCH = flags.DEFINE_integer("epoch", 50, "Steps between validations.")
WIDTH = flags.DEFINE_float("width", 1.0, "Width factor of the network.")
STUDY = flags.DEFINE_enum(
    "study", "robustness", ["robustness", "clean_gain"], "The arms: what MDProp is asked."
)

CHOSEN_AT = "8/255"
SCORED = 100  # queries that each of RobRank's nine attacks is made on
SEED_OF_CHOICE = "100"

_AS_GOOD = 1.0  # points
_WARM_UP = 300  # steps in which epsilon grows from 0
_CURVES = ("step", "validation/map@r")


class Experiment:
    """The runs of a study, and their figures.

    Attributes:
        sweep: All of its runs.
        arms: What is compared.
        strengths: The strength of each attacked method, after `choose`.
        candidates: What the strengths were chosen from; empty where one was given.
    """

    def __init__(self):
        self.sweep = result_page.open_sweep(
            "mdprop_omniglot",
            part=STUDY.value,
            more=lambda folder: {"curves": curves(folder, _CURVES)},
        )
        self.arms = CLEAN_GAIN if STUDY.value == "clean_gain" else ROBUSTNESS
        self.strengths: dict[str, Strength] = {}
        self.candidates: list[Arm] = []

    def choose(self) -> None:
        """Chooses the strength of each attacked method on validation characters.

        Of those that are as good as the best, up to what one run tells, the one of fewest steps,
        which cost time. A single candidate is taken as it is.
        """
        candidates = [Strength.from_text(text) for text in STRENGTHS.value]
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
        self.sweep.make([self._choice_run(arm) for arm in wanted])
        for method, group in arms.items():
            best = max(map(self.choice, group))
            good = [arm for arm in group if self.choice(arm) >= best - _AS_GOOD]
            chosen = min(good, key=lambda arm: (arm.strength.steps, -self.choice(arm)))
            self.strengths[method] = chosen.strength
        self.candidates = wanted

    def choice(self, arm: Arm) -> float:
        """What a candidate is chosen by: the mean of its `choice_figures`."""
        return float(np.mean(self.choice_figures(arm)))

    def choice_figures(self, arm: Arm) -> tuple[float, float]:
        """Clean and misranked Recall@1 of validation characters, in percent."""
        name = [arm.name(SEED_OF_CHOICE)]
        return tuple(
            self.sweep.values(name, "networks", "trained", evaluation, figure)[0]
            for evaluation, figure in (
                ("unseen classes", "recall@1"),
                ("unseen classes, misranked", f"recall@1 at {CHOSEN_AT}"),
            )
        )

    def make(self) -> None:
        """Makes the runs of all arms."""
        self.sweep.make(
            [
                self._test_run(arm, seed)
                for seed in SEEDS.value
                for arm in self.arms
                if seed in self.seeds(arm)
            ]
        )

    def seeds(self, arm: Arm) -> list[str]:
        """The seeds that an arm is made with."""
        return SEEDS.value[:1] if arm.explored else SEEDS.value

    def strength(self, arm: Arm) -> Strength | None:
        """How the arm's attack searches, None without one."""
        return arm.strength or self.strengths.get(arm.method)

    def attack(self, arm: Arm) -> str:
        """How strong the arm's attack or noise is, in words; empty without one."""
        strength = self.strength(arm)
        if strength is None:
            return ""
        return f"{strength.epsilon}/255" if arm.noise else str(strength)

    def best_control(self) -> Arm:
        """The control of the highest mean Recall@1."""
        controls = [arm for arm in self.arms if arm.tests_branches]
        return max(controls, key=lambda arm: self.figures(arm, "clean", "recall@1").mean())

    def figures(self, arm: Arm, evaluation: str, figure: str) -> np.ndarray:
        """A figure over the seeds; in percent where it is a share."""
        return self.sweep.values(self._names(arm), "networks", "trained", evaluation, figure)

    def change(self, arm: Arm, control: Arm, evaluation: str, figure: str) -> str:
        """By how much a figure of an arm is above that of its control, over the seeds of both."""
        values = self.figures(arm, evaluation, figure)
        reference = self.figures(control, evaluation, figure)
        both = min(len(values), len(reference))
        return difference(values[:both], reference[:both])

    def easier(self) -> float:
        """By how many points Recall@1 of the queries that are attacked is above that of all."""
        differences = [
            self.figures(arm, "attacked", "recall@1 at 0") - self.figures(arm, "clean", "recall@1")
            for arm in self.arms
        ]
        return float(np.concatenate(differences).mean())

    def seconds_a_step(self, arm: Arm) -> float:
        """Mean over the seeds."""
        steps = self.sweep.values(self._names(arm), "training", "steps").mean() / 100
        return 60 * self.sweep.minutes(self._names(arm)) / steps

    def curves(self, arm: Arm) -> tuple[np.ndarray, np.ndarray]:
        """Steps, and the mean over the seeds of the figure that chooses the network."""
        records = [self.sweep.records[name]["curves"] for name in self._names(arm)]
        return np.array(records[0][_CURVES[0]]), np.mean([x[_CURVES[1]] for x in records], axis=0)

    def _names(self, arm: Arm) -> list[str]:
        return [arm.name(seed) for seed in self.seeds(arm)]

    def _choice_run(self, arm: Arm) -> Run:
        return self._run(arm, SEED_OF_CHOICE, "robust_retrieval", "TEST = %VALIDATION")

    def _test_run(self, arm: Arm, seed: str) -> Run:
        scored = f"test/robrank.RobRankEvaluation.limit = {SCORED}"
        return self._run(arm, seed, "robrank_and_recall", scored)

    def _run(self, arm: Arm, seed: str, evaluation: str, parameter: str) -> Run:
        parameters = [
            f"OMNIGLOT = {os.path.abspath(_OMNIGLOT.value)!r}",
            f"SEED = {seed}",
            # Enough characters that their retrieval still tells networks apart.
            "splits.class_split.fractions = {'train': 0.75, 'validation': 0.25}",
            "training.train.select_by = 'map@r'",
            f"resnet.cifar_resnet.width = {WIDTH.value}",
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
            schedule = "epsilon/tf.keras.optimizers.schedules.PolynomialDecay"
            parameters += [
                f"EPSILON = {float(strength.epsilon) / 255:.8f}",
                f"{schedule}.decay_steps = {_WARM_UP}",
            ]
            if not arm.noise:
                parameters.append(f"{ATTACK}.steps = {strength.steps}")
        experiment, *changes = arm.gin_files
        files = [experiment, "data/omniglot.gin", *changes, f"evaluation/{evaluation}.gin"]
        return Run(arm.name(seed), [f"gin_configs/{file}" for file in files], parameters)

    def _steps(self, arm: Arm) -> int:
        if not arm.longer:
            return STEPS.value
        # In forward passes of a batch: 9 a step of MDProp with one attack step, 3 of the baseline.
        return round(STEPS.value * (7 + 2 * self.strengths["mdprop"].steps) / 3)
