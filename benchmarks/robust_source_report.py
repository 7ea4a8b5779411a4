"""What the grid of joint adversarial training shows: tables and a plot of its records."""

import pathlib

import matplotlib
import numpy as np

from benchmarks.robust_source_arms import PGD_STEPS, SEEDS, TESTED, WEIGHTS, Arm, Data, all_arms
from benchmarks.sweep import Sweep
from benchmarks.tables import markdown_table, spread

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # pylint: disable=wrong-import-position


class _Figures:
    """The figures of one arm over the seeds that are recorded, in percent."""

    def __init__(self, data: Data, sweep: Sweep, arm: Arm, *, evaluation: str = "clean"):
        """Finds the seeds that have an evaluation."""
        self._data, self._sweep, self.arm = data, sweep, arm
        names = {seed: arm.name(seed) for seed in SEEDS.value}
        self._seeds = [
            seed
            for seed, name in names.items()
            if name in sweep.records and evaluation in sweep.records[name]["networks"]["trained"]
        ]

    def __len__(self) -> int:
        return len(self._seeds)

    def of(self, evaluation: str, epsilon: str = "", arm: Arm | None = None) -> np.ndarray:
        """One figure, of this arm or of another with the same seeds."""
        names = [(arm or self.arm).name(seed) for seed in self._seeds]
        figure = f"{self._data.figure} at {epsilon}" if epsilon else self._data.figure
        return self._sweep.values(names, "networks", "trained", evaluation, figure)

    @property
    def change(self) -> np.ndarray:
        """Paired changes of the clean figure against clean training."""
        return self.of("clean") - self.of("clean", arm=Arm())

    def gain(self, epsilon: str) -> np.ndarray:
        """Paired changes of an attacked figure against clean training."""
        return self.of("attacked", epsilon) - self.of("attacked", epsilon, arm=Arm())

    def setting(self) -> list[str]:
        """Training, epsilon, a."""
        if self.arm.attack is None:
            return ["clean", "", ""]
        kind = f"PGD-{PGD_STEPS.value}" if self.arm.attack == "pgd" else "FGSM"
        return [kind, f"{self.arm.epsilon}/255", self.arm.weight]

    def row(self) -> list[str]:
        """The arm's row of the table."""
        names = [self.arm.name(seed) for seed in self._seeds]
        changes = ["", ""]
        if self.arm.attack is not None:
            changes = [f"{x.mean():+.1f}" for x in (self.change, self.gain(TESTED[1]))]
        return [
            *self.setting(),
            spread(self.of("clean")),
            *(spread(self.of("attacked", epsilon)) for epsilon in TESTED),
            spread(self.of("transfer", TESTED[-1])),
            *changes,
            str(len(self)),
            f"{self._sweep.minutes(names):.1f}",
        ]


def _all_figures(data: Data, sweep: Sweep) -> list[_Figures]:
    return [figures for arm in all_arms() if len(figures := _Figures(data, sweep, arm))]


def best(data: Data, sweep: Sweep, most_lost: float) -> str:
    """The setting with all seeds that gains most under attack for so many clean points."""
    robust = [
        figures
        for figures in _all_figures(data, sweep)
        if figures.arm.attack is not None
        and len(figures) == len(SEEDS.value)
        and figures.change.mean() >= -most_lost
    ]
    if not robust:
        return f"- No setting loses at most {most_lost} points."
    best = max(robust, key=lambda figures: figures.gain(TESTED[1]).mean())
    kind, trained_with, weight = best.setting()
    gains = " and ".join(f"{best.gain(x).mean():+.1f} at {x}" for x in TESTED[1:])
    return (
        f"- For at most {most_lost} points of the clean figure: {kind}, {trained_with}, a = "
        f"{weight}, with {best.change.mean():+.1f} clean, {gains}."
    )


def table(data: Data, sweep: Sweep) -> str:
    """All arms that have a record."""
    columns = [
        *("training", "epsilon", "a", "clean"),
        *(f"at {epsilon}" for epsilon in TESTED),
        *(f"transfer, {TESTED[-1]}", "clean, change", f"{TESTED[1]}, change"),
        *("seeds", "minutes"),
    ]
    return markdown_table(columns, [x.row() for x in _all_figures(data, sweep)], words=3)


def misranked(data: Data, sweep: Sweep) -> str:
    """Another table, of the arms that all seeds were attacked in with the gallery known, if any."""
    rows = []
    for arm in all_arms():
        figures = _Figures(data, sweep, arm, evaluation="misranked")
        if len(figures) == len(SEEDS.value):
            values = (spread(figures.of("misranked", epsilon)) for epsilon in TESTED)
            rows.append([*figures.setting(), *values, str(len(figures))])
    if not rows:
        return ""
    columns = ["training", "epsilon", "a", *(f"at {epsilon}" for epsilon in TESTED), "seeds"]
    return f"""A shift of the embedding, which the table above shows, needs neither gallery nor
labels. An attacker who has them brings an image of another class before those of the query's own,
which takes much less. The same search with that aim:

{markdown_table(columns, rows, words=3)}

"""


def plot(data: Data, sweep: Sweep, path: pathlib.Path) -> None:
    """Draws clean figures against robust ones, a point an arm."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    markers = dict(zip(WEIGHTS.value, "osD^v"))
    colours = {None: "black", "fgsm": "tab:blue", "pgd": "tab:red"}
    for arm in all_arms():
        names = [name for name in map(arm.name, SEEDS.value) if name in sweep.records]
        if not names:
            continue
        clean = sweep.values(names, "networks", "trained", "clean", data.figure).mean()
        at = f"{data.figure} at {TESTED[1]}"
        robust = sweep.values(names, "networks", "trained", "attacked", at).mean()
        axes.plot(clean, robust, markers.get(arm.weight, "*"), color=colours[arm.attack], ms=8)
        axes.annotate(arm.epsilon, (clean, robust), (6, -3), textcoords="offset points", size=8)
    for weight, marker in markers.items():
        axes.plot([], [], marker, color="grey", label=f"a = {weight}")
    for attack, colour in colours.items():
        axes.plot([], [], "s", color=colour, label=attack.upper() if attack else "clean training")
    axes.set_xlabel(f"clean: {data.unit}, %")
    axes.set_ylabel(f"attacked at {TESTED[1]}, %")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.4)
    figure.savefig(path, dpi=110)
    plt.close(figure)
