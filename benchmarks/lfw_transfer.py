"""Faces: what a small network gains by imitating a large one, with few labels or none.

    ./bazelw run //benchmarks:lfw_transfer -- --lfw=/path/to/lfw112 \
        --output=docs/results/lfw_transfer.md

Teachers by clean and by joint adversarial training; students that read local binary patterns or a
small grey image, from scratch, imitating either teacher without labels, and imitating with labels
of a share of the people; classical methods on local binary patterns. Verification of pairs of
unseen people, clean and attacked, over seeds. Runs that are recorded beside the output (`.json`)
are not made again.
"""

import dataclasses
import pathlib

import matplotlib
import numpy as np
from absl import flags

from benchmarks import faces, result_page
from benchmarks.sweep import Run, Sweep
from benchmarks.tables import markdown_table, spread

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # pylint: disable=wrong-import-position

_LFW = flags.DEFINE_string(
    "lfw", None, "The folder that holds the people and pairs.txt.", required=True
)
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of everything that is drawn.")
_LABELLED = flags.DEFINE_list("labelled", ["0.1", "0.3", "1.0"], "Shares of people with labels.")
_STUDENTS = flags.DEFINE_list("students", ["lbp", "grey"], "What students read.")
_CLASSICAL = flags.DEFINE_list(
    "classical",
    ["ridge", "metric_imitation", "mahalanobis", "pca_lda", "dama"],
    "Classical methods; the last three read labels.",
)
_TEACHER_EPOCHS = flags.DEFINE_integer("teacher_epochs", 10, "Of 100 steps each.")
_STUDENT_EPOCHS = flags.DEFINE_integer("student_epochs", 10, "Of 150 steps each.")

_TEACHERS = ("clean", "joint")
_READS_LABELS = ("mahalanobis", "pca_lda", "dama")
_EPSILON = 2 / 255  # of the joint teacher
_ATTACKED = "4/255"
_SIZE = ("k parameters", "M multiply-adds")
# Sizes that keep the students below 1/20 of the multiply-adds of the teacher.
_GREY = (
    "image_view.ImageView.image_size = (24, 24)",
    "student/resnet.cifar_resnet.input_shape = (24, 24, 1)",
    "student/resnet.cifar_resnet.width = 0.75",
)
_LBP = (
    "local_binary_patterns.LocalBinaryPatterns.neighbourhoods = [(8, 1.0), (8, 2.0)]",
    "local_binary_patterns.LocalBinaryPatterns.grid = (6, 6)",
    "student/descriptor_mlp.descriptor_mlp.input_shape = (4_248,)",
    "student/descriptor_mlp.descriptor_mlp.hidden_sizes = (48,)",
)


@dataclasses.dataclass(frozen=True)
class _Arm:
    """One row of the table.

    Attributes:
        student: "lbp", "grey", or "" for a teacher.
        method: "teacher", "scratch", "imitate", or the name of a classical method.
        teacher: "clean", "joint", or "" where there is none.
        labelled: Share of people with labels.
    """

    student: str
    method: str
    teacher: str
    labelled: str

    def name(self, seed: str) -> str:
        """The run of one seed."""
        parts = [self.student, self.method, self.teacher, self.labelled]
        return "_".join([*filter(None, parts), f"seed{seed}"])

    @property
    def network(self) -> str:
        """Its name in the record of a run."""
        return self.method if self.method in _CLASSICAL.value else "trained"

    @property
    def gin_file(self) -> str:
        if self.method == "teacher":
            return f"source_{'clean' if self.teacher == 'clean' else 'joint_fgsm'}"
        if self.method in _CLASSICAL.value:
            return f"classical_{self.method}"
        if self.method == "scratch":
            return "transfer_scratch"
        return "transfer_absolute" if self.labelled == "0" else "transfer_labels"


def _arms() -> list[_Arm]:
    arms = [_Arm("", "teacher", teacher, "1.0") for teacher in _TEACHERS]
    for student in _STUDENTS.value:
        arms += [_Arm(student, "scratch", "", share) for share in _LABELLED.value]
        for teacher in _TEACHERS:
            shares = ["0", *_LABELLED.value]
            arms += [_Arm(student, "imitate", teacher, share) for share in shares]
    for method in _CLASSICAL.value:
        shares = _LABELLED.value if method in _READS_LABELS else ["0"]
        arms += [_Arm("lbp", method, "clean", share) for share in shares]
    return arms


def _run(arm: _Arm, seed: str, sweep: Sweep) -> Run:
    files = [f"gin_configs/rmt/{arm.gin_file}.gin", "gin_configs/data/lfw.gin"]
    parameters = [
        *faces.lfw_parameters(_LFW.value),
        f"SEED = {seed}",
        "test/robust_verification.RobustVerificationEvaluation.epsilons = (0.01568627,)",
    ]
    if arm.method == "teacher":
        files.append("gin_configs/networks/imagenet_resnet.gin")
        parameters += [
            "resnet.imagenet_resnet.small_input = False",
            "batches.TrainingBatches.steps_per_epoch = 100",
            f"training.train.epochs = {_TEACHER_EPOCHS.value}",
            "training.train.baselines = None",
            "training.train.evaluate_untrained = False",
            "training.train.artefacts = []",
        ]
        if arm.teacher == "joint":
            parameters += [
                f"EPSILON = {_EPSILON:.8f}",
                "epsilon/tf.keras.optimizers.schedules.PolynomialDecay.decay_steps = 400",
                "training.train.callbacks = []",
            ]
        return Run(arm.name(seed), files, parameters)
    teacher = _Arm("", "teacher", arm.teacher or "clean", "1.0").name(seed)
    if arm.method == "imitate":
        files.append("gin_configs/transfer/teacher_once.gin")
    files.append(f"gin_configs/transfer/student_{arm.student}.gin")
    parameters += [
        f"TEACHER_RUN = {str(sweep.folder(teacher).absolute())!r}",
        *(_LBP if arm.student == "lbp" else _GREY),
    ]
    if arm.labelled != "0":
        parameters.append(f"LABELLED = {arm.labelled}")
    if arm.method in _CLASSICAL.value:
        parameters.append("fitting.fit.baselines = None")
    else:
        parameters += [
            f"training.train.epochs = {_STUDENT_EPOCHS.value}",
            "training.train.baselines = None",
            "training.train.evaluate_untrained = False",
            "training.train.artefacts = []",
        ]
    return Run(arm.name(seed), files, parameters, needs=[teacher])


class _Table:
    """The figures of all arms, from the records of a sweep."""

    def __init__(self, sweep: Sweep):
        self._sweep = sweep

    def seeds(self, arm: _Arm) -> list[str]:
        """The seeds that are recorded."""
        return [seed for seed in _SEEDS.value if arm.name(seed) in self._sweep.records]

    def figures(self, arm: _Arm, seeds: list[str], *path: str) -> np.ndarray:
        """A figure of each seed, in percent."""
        return self._sweep.values(map(arm.name, seeds), "networks", arm.network, *path)

    def gain(self, arm: _Arm, reference: _Arm) -> str:
        """Paired difference of accuracies, as text; empty where there is none."""
        seeds = [seed for seed in self.seeds(arm) if seed in self.seeds(reference)]
        if not seeds or arm == reference:
            return ""
        figure = ("faces", "accuracy")
        return spread(self.figures(arm, seeds, *figure) - self.figures(reference, seeds, *figure))

    def size(self, arm: _Arm, figure: str) -> str:
        """A figure of the network's size, of any seed; empty where none has it."""
        for seed in self.seeds(arm):
            sizes = self._sweep.records[arm.name(seed)]["networks"][arm.network].get("size", {})
            if figure in sizes:
                return f"{sizes[figure]:.1f}"
        return ""

    def row(self, arm: _Arm) -> list[str] | None:
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
            spread(self.figures(arm, seeds, "faces, attacked", f"accuracy at {_ATTACKED}")),
            self.gain(arm, scratch) if arm.student else "",
            *(self.size(arm, figure) for figure in _SIZE),
            str(len(seeds)),
        ]

    def text(self) -> str:
        """The table in Markdown."""
        columns = [
            *("reads", "method", "teacher", "labels", "accuracy", "AUC", "TAR at FAR 1e-2"),
            *(f"attacked at {_ATTACKED}", "gain over scratch", *_SIZE, "seeds"),
        ]
        return markdown_table(columns, filter(None, map(self.row, _arms())), words=3)

    def plot(self, path: pathlib.Path) -> None:
        """Accuracy over the share of labels, a panel a student."""
        figure, panels = plt.subplots(
            1,
            len(_STUDENTS.value),
            figsize=(9, 4),
            sharey=True,
            layout="constrained",
            squeeze=False,
        )
        for axes, student in zip(panels[0], _STUDENTS.value):
            for method, teacher in (("scratch", ""), ("imitate", "clean"), ("imitate", "joint")):
                arms = [
                    arm
                    for arm in _arms()
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
            axes.set_title({"lbp": "local binary patterns", "grey": "grey image"}[student])
            axes.set_xlabel("people with labels, %")
            axes.grid(alpha=0.4)
        panels[0][0].set_ylabel("verification accuracy, %")
        panels[0][0].legend()
        figure.savefig(path, dpi=110)
        plt.close(figure)


def main() -> None:
    """Makes the missing runs, then writes the table and the plot."""
    sweep = result_page.open_sweep("lfw_transfer")
    sweep.make([_run(arm, seed, sweep) for seed in _SEEDS.value for arm in _arms()])
    table = _Table(sweep)
    table.plot(result_page.plot())
    result_page.write(
        f"""# Transfer to small networks on faces

Verification of the 1,200 pairs of folds 8 and 9 of LFW, in percent: mean ± standard deviation over
seeds. Students take {_STUDENT_EPOCHS.value * 150} steps; imitation sees all images of the training
people, labels are those of a share of them. "Attacked" is projected gradient descent in 32 steps on
200 pairs; students that read local binary patterns, which have no gradient, are attacked through
their teacher (from scratch and classical: the clean one). The gain is paired, over the same student
from scratch with the same labels (without labels: with all of them).

{table.text()}

![Accuracy over labels]({result_page.plot().name})

    ./bazelw run //benchmarks:lfw_transfer -- --lfw=lfw112 --seeds={",".join(_SEEDS.value)} \\
        --teacher_epochs={_TEACHER_EPOCHS.value} --student_epochs={_STUDENT_EPOCHS.value} \\
        --output={result_page.output()}
"""
    )


if __name__ == "__main__":
    result_page.run(main)
