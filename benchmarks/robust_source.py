"""Joint adversarial training of source metrics: what robustness costs, on Omniglot and on faces.

    ./bazelw run //benchmarks:robust_source -- --omniglot=/path/to/omniglot_small \
        --output=docs/results/robust_source_omniglot.md
    ./bazelw run //benchmarks:robust_source -- --lfw=/path/to/lfw112 \
        --output=docs/results/robust_source_lfw.md

Clean training, and joint training with FGSM and PGD at every training epsilon and weight, over
seeds and with equal steps; figures on unseen classes, clean, attacked (projected gradient descent
in 32 steps with restarts) and under a transfer attack made on a clean network of another seed. Runs
that are recorded beside the output (`.json`) are not made again.
"""

import dataclasses
import os
import pathlib

import matplotlib
import numpy as np
from absl import app, flags

from benchmarks import faces, result_page
from benchmarks.sweep import Run, Sweep
from benchmarks.tables import markdown_table, spread

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # pylint: disable=wrong-import-position

_OMNIGLOT = flags.DEFINE_string("omniglot", None, "The folder that holds train and test.")
_LFW = flags.DEFINE_string("lfw", None, "The folder that holds the people and pairs.txt.")
_EPSILONS = flags.DEFINE_list("epsilons", ["1", "2", "4", "8"], "Training epsilons, of 255.")
_WEIGHTS = flags.DEFINE_list("weights", ["0.5", "0.25", "1.0"], "Adversarial weights a.")
_ATTACKS = flags.DEFINE_list("attacks", ["fgsm", "pgd"], "Searches used in training.")
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of weights, batches and attacks.")
_EPOCHS = flags.DEFINE_integer("epochs", 8, "Of 100 steps each.")
_PGD_STEPS = flags.DEFINE_integer("pgd_steps", 4, "Steps of the search in training.")
_ATTACK_DTYPE = flags.DEFINE_string(
    "attack_dtype", "float32", "Type that the search of PGD computes in, in training."
)
_WARM_UP = flags.DEFINE_integer("warm_up", 400, "Steps in which epsilon grows from 0.")
_TESTED = ("2/255", "4/255", "8/255")


@dataclasses.dataclass(frozen=True)
class _Data:
    """A data set: its gin files and the figure that counts.

    Attributes:
        title: Name in the report.
        gin_files: Data and evaluation.
        parameters: Bindings that tell where the data lies.
        figure: The clean figure; under attack it is called "<figure> at 4/255".
        unit: What the figure is, in words.
    """

    title: str
    gin_files: tuple[str, ...]
    parameters: tuple[str, ...]
    figure: str
    unit: str


@dataclasses.dataclass(frozen=True)
class _Arm:
    """One setting; `attack` is None for clean training."""

    attack: str | None = None
    epsilon: str = "0"
    weight: str = "0"

    def name(self, seed: str) -> str:
        """The run of one seed."""
        if self.attack is None:
            return f"clean_seed{seed}"
        return f"{self.attack}_eps{self.epsilon}_a{self.weight}_seed{seed}"

    @property
    def gin_file(self) -> str:
        kind = "clean" if self.attack is None else f"joint_{self.attack}"
        return f"gin_configs/rmt/source_{kind}.gin"

    @property
    def parameters(self) -> list[str]:
        if self.attack is None:
            return []
        model = "joint_adversarial.JointAdversarialModel"
        schedule = "epsilon/tf.keras.optimizers.schedules.PolynomialDecay"
        parameters = [
            f"EPSILON = {float(self.epsilon) / 255:.8f}",
            f"{model}.adversarial_weight = {self.weight}",
            f"{schedule}.decay_steps = {_WARM_UP.value}",
            "training.train.callbacks = []",
        ]
        if self.attack == "pgd":
            attack = "projected_gradient_descent.ProjectedGradientDescent"
            parameters += [
                f"{attack}.steps = {_PGD_STEPS.value}",
                f"{model}.attack_dtype = {_ATTACK_DTYPE.value!r}",
            ]
        elif self.weight == "1.0":
            # There is no clean pass whose gradient the attack could share.
            parameters.append(f"{model}.shared_gradient = False")
        return parameters


def _data() -> _Data:
    if (_OMNIGLOT.value is None) == (_LFW.value is None):
        raise app.UsageError("give one of --omniglot and --lfw.")
    if _OMNIGLOT.value is not None:
        root = os.path.abspath(_OMNIGLOT.value)
        return _Data(
            title="Omniglot",
            gin_files=(
                "gin_configs/data/omniglot.gin",
                "gin_configs/evaluation/thorough_retrieval.gin",
            ),
            parameters=(f"OMNIGLOT = {root!r}",),
            figure="recall@1",
            unit="Recall@1 of unseen characters",
        )
    return _Data(
        title="LFW",
        gin_files=(
            "gin_configs/data/lfw.gin",
            "gin_configs/evaluation/thorough_verification.gin",
            "gin_configs/networks/imagenet_resnet.gin",
        ),
        parameters=(
            *faces.lfw_parameters(_LFW.value),
            *faces.TEACHER,
        ),
        figure="accuracy",
        unit="verification accuracy on pairs of unseen people",
    )


def _arms() -> list[_Arm]:
    # The weight varies slowest: a sweep that is stopped early has every epsilon at a = 0.5.
    return [_Arm()] + [
        _Arm(attack, epsilon, weight)
        for weight in _WEIGHTS.value
        for attack in _ATTACKS.value
        for epsilon in _EPSILONS.value
    ]


def _runs(data: _Data, sweep: Sweep) -> list[Run]:
    surrogate = _Arm().name("100")

    def run(arm: _Arm, seed: str) -> Run:
        return Run(
            name=arm.name(seed),
            gin_files=[arm.gin_file, *data.gin_files],
            parameters=[
                *data.parameters,
                *arm.parameters,
                f"SEED = {seed}",
                f"SURROGATE = {str((sweep.folder(surrogate) / 'network.keras').absolute())!r}",
                "batches.TrainingBatches.steps_per_epoch = 100",
                f"training.train.epochs = {_EPOCHS.value}",
                "training.train.baselines = None",
                "training.train.evaluate_untrained = False",
                "training.train.artefacts = []",
            ],
            needs=[surrogate],
        )

    # What the others are attacked with cannot be attacked with itself.
    first = run(_Arm(), "100")
    first = dataclasses.replace(
        first,
        gin_files=[file for file in first.gin_files if "thorough" not in file],
        parameters=[p for p in first.parameters if not p.startswith("SURROGATE")],
        needs=[],
    )
    return [first] + [run(arm, seed) for seed in _SEEDS.value for arm in _arms()]


class _Figures:
    """The figures of one arm over the seeds that are recorded, in percent."""

    def __init__(self, data: _Data, sweep: Sweep, arm: _Arm):
        self._data, self._sweep, self.arm = data, sweep, arm
        self._seeds = [seed for seed in _SEEDS.value if arm.name(seed) in sweep.records]

    def __len__(self) -> int:
        return len(self._seeds)

    def of(self, evaluation: str, epsilon: str = "", arm: _Arm | None = None) -> np.ndarray:
        """One figure, of this arm or of another with the same seeds."""
        names = [(arm or self.arm).name(seed) for seed in self._seeds]
        figure = f"{self._data.figure} at {epsilon}" if epsilon else self._data.figure
        return self._sweep.values(names, "networks", "trained", evaluation, figure)

    @property
    def change(self) -> np.ndarray:
        """Paired changes of the clean figure against clean training."""
        return self.of("clean") - self.of("clean", arm=_Arm())

    def gain(self, epsilon: str) -> np.ndarray:
        """Paired changes of an attacked figure against clean training."""
        return self.of("attacked", epsilon) - self.of("attacked", epsilon, arm=_Arm())

    def setting(self) -> list[str]:
        """Training, epsilon, a."""
        if self.arm.attack is None:
            return ["clean", "", ""]
        kind = f"PGD-{_PGD_STEPS.value}" if self.arm.attack == "pgd" else "FGSM"
        return [kind, f"{self.arm.epsilon}/255", self.arm.weight]

    def row(self) -> list[str]:
        """The arm's row of the table."""
        names = [self.arm.name(seed) for seed in self._seeds]
        changes = ["", ""]
        if self.arm.attack is not None:
            changes = [f"{x.mean():+.1f}" for x in (self.change, self.gain(_TESTED[1]))]
        return [
            *self.setting(),
            spread(self.of("clean")),
            *(spread(self.of("attacked", epsilon)) for epsilon in _TESTED),
            spread(self.of("transfer", _TESTED[-1])),
            *changes,
            str(len(self)),
            f"{self._sweep.minutes(names):.1f}",
        ]


def _all_figures(data: _Data, sweep: Sweep) -> list[_Figures]:
    return [figures for arm in _arms() if len(figures := _Figures(data, sweep, arm))]


def _best(data: _Data, sweep: Sweep, most_lost: float) -> str:
    """The setting with all seeds that gains most under attack for so many clean points."""
    robust = [
        figures
        for figures in _all_figures(data, sweep)
        if figures.arm.attack is not None
        and len(figures) == len(_SEEDS.value)
        and figures.change.mean() >= -most_lost
    ]
    if not robust:
        return f"- No setting loses at most {most_lost} points."
    best = max(robust, key=lambda figures: figures.gain(_TESTED[1]).mean())
    kind, trained_with, weight = best.setting()
    gains = " and ".join(f"{best.gain(x).mean():+.1f} at {x}" for x in _TESTED[1:])
    return (
        f"- For at most {most_lost} points of the clean figure: {kind}, {trained_with}, a = "
        f"{weight}, with {best.change.mean():+.1f} clean, {gains}."
    )


def _table(data: _Data, sweep: Sweep) -> str:
    columns = [
        *("training", "epsilon", "a", "clean"),
        *(f"at {epsilon}" for epsilon in _TESTED),
        *(f"transfer, {_TESTED[-1]}", "clean, change", f"{_TESTED[1]}, change"),
        *("seeds", "minutes"),
    ]
    return markdown_table(columns, [x.row() for x in _all_figures(data, sweep)], words=3)


def _plot(data: _Data, sweep: Sweep, path: pathlib.Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    markers = dict(zip(_WEIGHTS.value, "osD^v"))
    colours = {None: "black", "fgsm": "tab:blue", "pgd": "tab:red"}
    for arm in _arms():
        names = [name for name in map(arm.name, _SEEDS.value) if name in sweep.records]
        if not names:
            continue
        clean = sweep.values(names, "networks", "trained", "clean", data.figure).mean()
        at = f"{data.figure} at {_TESTED[1]}"
        robust = sweep.values(names, "networks", "trained", "attacked", at).mean()
        axes.plot(clean, robust, markers.get(arm.weight, "*"), color=colours[arm.attack], ms=8)
        axes.annotate(arm.epsilon, (clean, robust), (6, -3), textcoords="offset points", size=8)
    for weight, marker in markers.items():
        axes.plot([], [], marker, color="grey", label=f"a = {weight}")
    for attack, colour in colours.items():
        axes.plot([], [], "s", color=colour, label=attack.upper() if attack else "clean training")
    axes.set_xlabel(f"clean: {data.unit}, %")
    axes.set_ylabel(f"attacked at {_TESTED[1]}, %")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.4)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Makes the missing runs, then writes the table and the plot."""
    data = _data()
    sweep = result_page.open_sweep("robust_source", part=data.title.lower())
    sweep.make(_runs(data, sweep))
    _plot(data, sweep, result_page.plot())
    command = (
        f"./bazelw run //benchmarks:robust_source -- --{data.title.lower()}=... "
        f"--seeds={','.join(_SEEDS.value)} \\\n        --epochs={_EPOCHS.value} "
        f"--warm_up={_WARM_UP.value} --pgd_steps={_PGD_STEPS.value} "
        f"--attack_dtype={_ATTACK_DTYPE.value} \\\n        --output={result_page.output()}"
    )
    result_page.write(
        f"""# Joint adversarial training on {data.title}

{data.unit[0].upper()}{data.unit[1:]}, in percent: mean ± standard deviation over seeds.
Every run takes {100 * _EPOCHS.value} steps, of which joint training needs {_WARM_UP.value} to raise
epsilon from 0.
"At" is projected gradient descent in 32 steps with 2 restarts on 300 queries or pairs, "transfer"
the same search without restarts on a clean network of another seed. The changes are paired, against
clean training with the same seeds. Plotted are the means, with the training epsilon (of 255).

{_table(data, sweep)}

What gains most at {_TESTED[1]}, in the mean over all seeds:

{_best(data, sweep, 4.0)}
{_best(data, sweep, 1.5)}

![Clean and robust figures]({result_page.plot().name})

    {command}
"""
    )


if __name__ == "__main__":
    result_page.run(main)
