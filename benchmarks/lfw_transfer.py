"""Faces: what a small network gains by imitating a large one, with few labels or none.

    ./bazelw run //benchmarks:lfw_transfer -- --lfw=/path/to/lfw112 \
        --output=docs/results/lfw_transfer.md

Teachers by clean and by joint adversarial training; students that read local binary patterns (with
a hidden layer, or as one linear map) or a small grey image: from scratch, imitating either teacher
without labels, and imitating with labels of a share of the people, also in the two ways of Yu et
al.; classical methods on local binary patterns. Verification of pairs of unseen people, clean and
attacked, over seeds. Runs that are recorded beside the output (`.json`) are not made again.
"""

import dataclasses
import pathlib

import matplotlib
import numpy as np

from benchmarks import result_page
from benchmarks.lfw_transfer_arms import (
    CHOSEN_STUDENTS,
    CLASSICAL,
    LABELLED,
    SEEDS,
    STUDENT_EPOCHS,
    STUDENTS,
    TEACHER_EPOCHS,
    Arm,
    all_arms,
    make_run,
)
from benchmarks.sweep import Sweep
from benchmarks.tables import change, markdown_table, spread

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # pylint: disable=wrong-import-position

_ATTACKED = "4/255"
_SIZE = ("k parameters", "M multiply-adds")


class _Table:
    """The figures of all arms, from the records of a sweep."""

    def __init__(self, sweep: Sweep):
        self._sweep = sweep

    def seeds(self, arm: Arm) -> list[str]:
        """The seeds that are recorded."""
        return [seed for seed in SEEDS.value if arm.name(seed) in self._sweep.records]

    def figures(self, arm: Arm, seeds: list[str], *path: str) -> np.ndarray:
        """A figure of each seed, in percent."""
        return self._sweep.values(map(arm.name, seeds), "networks", arm.network, *path)

    def gain(self, arm: Arm, reference: Arm) -> str:
        """Paired difference of accuracies, as text; empty where there is none."""
        seeds = [seed for seed in self.seeds(arm) if seed in self.seeds(reference)]
        if not seeds or arm == reference:
            return ""
        figure = ("faces", "accuracy")
        return change(self.figures(arm, seeds, *figure), self.figures(reference, seeds, *figure))

    def loss(self, arm: Arm) -> str:
        """Change of the accuracy to that of the network's teacher, as text."""
        teacher = Arm("", "teacher", arm.teacher, "1.0")
        return self.gain(arm, teacher) if arm.teacher else ""

    def size(self, arm: Arm, figure: str) -> str:
        """A figure of the network's size, of any seed; empty where none has it."""
        for seed in self.seeds(arm):
            sizes = self._sweep.records[arm.name(seed)]["networks"][arm.network].get("size", {})
            if figure in sizes:
                return f"{sizes[figure]:.1f}"
        return ""

    def row(self, arm: Arm) -> list[str] | None:
        """A row of the table, None where no seed is recorded."""
        seeds = self.seeds(arm)
        if not seeds:
            return None
        scratch = dataclasses.replace(arm, method="scratch", teacher="")
        if arm.labelled == "0":
            scratch = dataclasses.replace(scratch, labelled="1.0")
        return [
            arm.student or "image",
            arm.method,
            arm.teacher,
            f"{100 * float(arm.labelled):.0f} %",
            spread(self.figures(arm, seeds, "faces", "accuracy")),
            spread(self.figures(arm, seeds, "faces", "auc")),
            spread(self.figures(arm, seeds, "faces", "tar@far=0.01")),
            spread(self.figures(arm, seeds, "faces, attacked", "accuracy at 0")),
            spread(self.figures(arm, seeds, "faces, attacked", f"accuracy at {_ATTACKED}")),
            self.gain(arm, scratch) if arm.student else "",
            self.loss(arm),
            *(self.size(arm, figure) for figure in _SIZE),
            f"{self._sweep.minutes([arm.name(seed) for seed in seeds]):.1f}",
            str(len(seeds)),
        ]

    def text(self) -> str:
        """The table in Markdown."""
        columns = [
            *("reads", "method", "teacher", "labels", "accuracy", "AUC", "TAR at FAR 1e-2"),
            *("200 pairs, clean", f"200 pairs, at {_ATTACKED}", "gain over scratch"),
            *("change to its teacher", *_SIZE, "minutes", "seeds"),
        ]
        return markdown_table(columns, filter(None, map(self.row, all_arms())), words=3)

    def plot(self, path: pathlib.Path) -> None:
        """Accuracy over the share of labels, a panel a student."""
        figure, panels = plt.subplots(
            1,
            len(CHOSEN_STUDENTS.value),
            figsize=(4 * len(CHOSEN_STUDENTS.value), 4),
            sharey=True,
            layout="constrained",
            squeeze=False,
        )
        for axes, student in zip(panels[0], CHOSEN_STUDENTS.value):
            for method, teacher in (("scratch", ""), ("imitate", "clean"), ("imitate", "joint")):
                arms = [
                    arm
                    for arm in all_arms()
                    if (arm.student, arm.method, arm.teacher) == (student, method, teacher)
                    and self.seeds(arm)
                ]
                values = [self.figures(a, self.seeds(a), "faces", "accuracy") for a in arms]
                axes.errorbar(
                    [100 * float(arm.labelled) for arm in arms],
                    [np.mean(value) for value in values],
                    [np.std(value, ddof=1) if len(value) > 1 else 0.0 for value in values],
                    marker="o",
                    capsize=3,
                    label=f"{method} {teacher}".strip(),
                )
            axes.set_title(STUDENTS[student].title)
            axes.set_xlabel("people with labels, %")
            axes.grid(alpha=0.4)
        panels[0][0].set_ylabel("verification accuracy, %")
        lines = panels[0][0].get_legend_handles_labels()
        figure.legend(*lines, loc="outside lower center", ncols=3)
        figure.savefig(path, dpi=110)
        plt.close(figure)


def main() -> None:
    """Makes the missing runs, then writes the table and the plot."""
    sweep = result_page.open_sweep("lfw_transfer")
    sweep.make([make_run(arm, seed, sweep) for seed in SEEDS.value for arm in all_arms()])
    table = _Table(sweep)
    table.plot(result_page.plot())
    result_page.write(
        f"""# Transfer to small networks on faces

Verification of the 1,200 pairs of folds 8 and 9 of LFW, in percent: mean ± standard deviation over
seeds. Students on local binary patterns have a hidden layer (lbp) or are one linear map
(lbp_linear). All take {STUDENT_EPOCHS.value * 150} steps; imitation sees all images of the training
people, labels are those of a share of them. Of each training the network of its best epoch counts,
by Recall@1 of validation people, who have labels. The attack is projected gradient descent in 32
steps on 200 pairs, the same ones for all; students that read local binary patterns, which have no
gradient, are attacked through their teacher (from scratch and classical: the clean one); from
scratch they see mirrored images too, which the descriptors for imitation are not made of. The gain
is paired, over the same student from scratch with the same labels (without labels: with all of
them). The limit of 250 k parameters is for students; what classical methods solve is as large as
its descriptors make it.

{table.text()}

![Accuracy over labels]({result_page.plot().name})

    ./bazelw run //benchmarks:lfw_transfer -- --lfw=lfw112 --seeds={",".join(SEEDS.value)} \\
        --labelled={",".join(LABELLED.value)} --students={",".join(CHOSEN_STUDENTS.value)} \\
        --classical={",".join(CLASSICAL.value)} \\
        --teacher_epochs={TEACHER_EPOCHS.value} --student_epochs={STUDENT_EPOCHS.value} \\
        --output={result_page.output()}
""",
        sweep,
    )


if __name__ == "__main__":
    result_page.run(main)
