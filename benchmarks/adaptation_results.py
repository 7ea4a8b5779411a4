"""Tables and plots of runs whose stages are ways to adapt a segmentation network to a target."""

import json
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt

from benchmarks.sweep import Sweep, curves
from benchmarks.tables import difference, markdown_table, spread

_CURVES = ("step", "validation/best by labels/miou")
_CHOICES = {
    "label-free": None,
    "last": "last",
    "last, not averaged": "last, not averaged",
    "best by labels": "best by labels",
}


def choices_and_curves(stages: Sequence[str]):
    """What a sweep remembers of a run folder beside its figures: see `Sweep`."""

    def remembered(folder: pathlib.Path) -> dict:
        return {
            "choices": {
                stage: json.loads((folder / stage / "choices.json").read_text()) for stage in stages
            },
            "curves": {stage: curves(folder / stage, _CURVES) for stage in stages},
        }

    return remembered


class AdaptationResults:
    """The figures of several seeds of one run.

    Attributes:
        arms: Titles of the stages that are compared, by name.
    """

    def __init__(self, *, sweep: Sweep, runs: Sequence[str], arms: Mapping[str, str]):
        """Takes what there is.

        Args:
            sweep: With records of `runs`, made with `choices_and_curves`.
            runs: The runs, which differ in their seeds.
            arms: Titles of the stages, by name, in the order of the table.
        """
        self._sweep, self._runs = sweep, list(runs)
        self.arms = dict(arms)

    def values(self, stage: str, figure: str) -> np.ndarray:
        """A figure on the target over the seeds, in percent."""
        return self._sweep.values(self._runs, "networks", stage, "target", figure)

    def overall(self, *references: str) -> str:
        """mIoU, its paired changes against some stages, pixel accuracy and minutes."""
        against = [f"over {self.arms[reference]}" for reference in references]
        rows = []
        for stage, title in self.arms.items():
            miou = self.values(stage, "miou")
            changes = [
                "" if stage == reference else self._change(miou, reference)
                for reference in references
            ]
            accuracy = spread(self.values(stage, "pixel_accuracy"))
            rows.append([title, spread(miou), *changes, accuracy, f"{self._minutes(stage):.1f}"])
        columns = ["method", "mIoU", *against, "pixel accuracy", "minutes"]
        return markdown_table(columns, rows, words=1)

    def classes(self, marks: Mapping[str, str] | None = None) -> str:
        """Mean IoU of each class, a column a method.

        Args:
            marks: What is added to the name of a class.
        """
        figures = self._sweep.records[self._runs[0]]["networks"][next(iter(self.arms))]["target"]
        names = [figure.removeprefix("iou/") for figure in figures if figure.startswith("iou/")]
        rows = [
            [
                f"{name} {(marks or {}).get(name, '')}".strip(),
                *(spread(self.values(stage, f"iou/{name}")) for stage in self.arms),
            ]
            for name in names
        ]
        return markdown_table(["class", *self.arms.values()], rows, words=1)

    def choices(self) -> str:
        """mIoU of the checkpoints that different ways to choose would have given."""
        rows = []
        for stage, title in self.arms.items():
            cells = [
                spread(self.values(stage, "miou")) if name is None else self._chosen(stage, name)
                for name in _CHOICES.values()
            ]
            rows.append([title, *cells])
        return markdown_table(["method", *_CHOICES], rows, words=1)

    def plot(self, path: pathlib.Path) -> None:
        """mIoU on validation images over the steps, mean over the seeds."""
        figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
        for stage, title in self.arms.items():
            records = [self._sweep.records[run]["curves"][stage] for run in self._runs]
            mean = np.mean([record[_CURVES[1]] for record in records], axis=0)
            axes.plot(records[0][_CURVES[0]], 100 * mean, marker="o", ms=3, lw=1, label=title)
        axes.set_xlabel("step after the start")
        axes.set_ylabel("mIoU on validation images of the target, %")
        axes.grid(alpha=0.4)
        figure.legend(loc="outside right", fontsize=8)
        figure.savefig(path, dpi=110)
        plt.close(figure)

    def _change(self, miou: np.ndarray, reference: str) -> str:
        change = miou - self.values(reference, "miou")
        text = difference(miou, self.values(reference, "miou"))
        return f"{text}, {(change > 0).sum()} of {len(change)} up"

    def _chosen(self, stage: str, choice: str) -> str:
        path = ("choices", stage, choice, "figures", "target", "miou")
        return spread(self._sweep.values(self._runs, *path))

    def _minutes(self, stage: str) -> float:
        return self._sweep.values(self._runs, "training", stage, "seconds").mean() / 100 / 60
