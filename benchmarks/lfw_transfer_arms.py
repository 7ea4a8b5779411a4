"""The arms of the transfer on faces, their flags, and the run of each."""

import dataclasses

from absl import flags

from benchmarks import faces
from benchmarks.sweep import Run, Sweep


@dataclasses.dataclass(frozen=True)
class Student:
    """What a student is.

    Attributes:
        title: In words.
        gin_file: Its file among gin_configs/transfer.
        parameters: Sizes that keep it below 1/20 of the multiply-adds of the teacher, and 250 k
            parameters.
    """

    title: str
    gin_file: str
    parameters: tuple[str, ...]


_DESCRIPTORS = (
    "local_binary_patterns.LocalBinaryPatterns.neighbourhoods = [(8, 1.0), (8, 2.0)]",
    "local_binary_patterns.LocalBinaryPatterns.grid = (6, 6)",
    "student/descriptor_mlp.descriptor_mlp.input_shape = (4_248,)",
)
STUDENTS = {
    "lbp": Student(
        "local binary patterns",
        "student_lbp",
        (*_DESCRIPTORS, "student/descriptor_mlp.descriptor_mlp.hidden_sizes = (48,)"),
    ),
    "lbp_linear": Student(
        "local binary patterns, linear",
        "student_lbp",
        (
            *_DESCRIPTORS,
            "student/descriptor_mlp.descriptor_mlp.hidden_sizes = ()",
            "student/descriptor_mlp.descriptor_mlp.embedding_size = 56",
        ),
    ),
    "grey": Student(
        "grey image",
        "student_grey",
        (
            "image_view.ImageView.image_size = (24, 24)",
            "student/resnet.cifar_resnet.input_shape = (24, 24, 1)",
            "student/resnet.cifar_resnet.width = 0.75",
        ),
    ),
}

_LFW = flags.DEFINE_string(
    "lfw", None, "The folder that holds the people and pairs.txt.", required=True
)
SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of everything that is drawn.")
LABELLED = flags.DEFINE_list("labelled", ["0.1", "0.3", "1.0"], "Shares of people with labels.")
CHOSEN_STUDENTS = flags.DEFINE_list(
    "students", list(STUDENTS), "What students read, and what they are."
)
flags.register_validator(
    CHOSEN_STUDENTS, lambda names: set(names) <= set(STUDENTS), f"must be of {', '.join(STUDENTS)}."
)
CLASSICAL = flags.DEFINE_list(
    "classical",
    ["ridge", "metric_imitation", "mahalanobis", "pca_lda", "dama"],
    "Classical methods; the last three read labels.",
)
TEACHER_EPOCHS = flags.DEFINE_integer("teacher_epochs", 10, "Of 100 steps each.")
STUDENT_EPOCHS = flags.DEFINE_integer("student_epochs", 10, "Of 150 steps each.")

_TEACHERS = ("clean", "joint")
_YU = ("yu_absolute", "yu_relative")
_READS_LABELS = ("mahalanobis", "pca_lda", "dama")
_EPSILON = 2 / 255  # of the joint teacher


@dataclasses.dataclass(frozen=True)
class Arm:
    """One row of the table.

    Attributes:
        student: One of `STUDENTS`, or "" for a teacher.
        method: "teacher", "scratch", "imitate", one of Yu et al., or a classical method.
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
        return self.method if self.method in CLASSICAL.value else "trained"

    @property
    def gin_file(self) -> str:
        if self.method == "teacher":
            return f"source_{'clean' if self.teacher == 'clean' else 'joint_fgsm'}"
        if self.method in CLASSICAL.value:
            return f"classical_{self.method}"
        if self.method in _YU:
            return f"transfer_{self.method}"
        if self.method == "scratch":
            return "transfer_scratch"
        return "transfer_absolute" if self.labelled == "0" else "transfer_labels"


def all_arms() -> list[Arm]:
    arms = [Arm("", "teacher", teacher, "1.0") for teacher in _TEACHERS]
    for student in CHOSEN_STUDENTS.value:
        arms += [Arm(student, "scratch", "", share) for share in LABELLED.value]
        for teacher in _TEACHERS:
            shares = ["0", *LABELLED.value]
            arms += [Arm(student, "imitate", teacher, share) for share in shares]
    if "grey" in CHOSEN_STUDENTS.value:
        shares = sorted({LABELLED.value[0], LABELLED.value[-1]})
        arms += [Arm("grey", method, "clean", share) for method in _YU for share in shares]
    for method in CLASSICAL.value:
        shares = LABELLED.value if method in _READS_LABELS else ["0"]
        arms += [Arm("lbp", method, "clean", share) for share in shares]
    return arms


def make_run(arm: Arm, seed: str, sweep: Sweep) -> Run:
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
            f"training.train.epochs = {TEACHER_EPOCHS.value}",
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
    teacher = Arm("", "teacher", arm.teacher or "clean", "1.0").name(seed)
    if arm.method == "imitate" or arm.method in _YU:
        files.append("gin_configs/transfer/teacher_once.gin")
    student = STUDENTS[arm.student]
    files.append(f"gin_configs/transfer/{student.gin_file}.gin")
    parameters += [
        f"TEACHER_RUN = {str(sweep.folder(teacher).absolute())!r}",
        *student.parameters,
    ]
    if arm.labelled != "0":
        parameters.append(f"LABELLED = {arm.labelled}")
    if arm.method in CLASSICAL.value:
        parameters.append("fitting.fit.baselines = None")
    else:
        parameters += [
            f"training.train.epochs = {STUDENT_EPOCHS.value}",
            "training.train.baselines = None",
            "training.train.evaluate_untrained = False",
            "training.train.artefacts = []",
        ]
    return Run(arm.name(seed), files, parameters, needs=[teacher])
