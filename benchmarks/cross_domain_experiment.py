"""The teachers and students of the transfer between domains, and their figures."""

import dataclasses

import numpy as np
from absl import flags
from scipy import stats

from benchmarks.sweep import Run, Sweep
from benchmarks.tables import p_value_text
from benchmarks.transfer_domains import Domains

SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2", "3", "4"], "Seeds of the comparison.")
CHOICE_SEEDS = flags.DEFINE_list("choice_seeds", ["100", "101"], "Seeds of the choice.")
L_INF = flags.DEFINE_list("l_inf", ["0.5", "1", "2"], "Teachers' epsilons, of 255.")
L2 = flags.DEFINE_list("l2", ["0.1", "0.25", "0.5"], "Teachers' epsilons in L2.")
LABELLED = flags.DEFINE_float("labelled", 0.1, "Share of the target's classes with labels.")
TEACHER_EPOCHS = flags.DEFINE_integer("teacher_epochs", 8, "Of 100 steps each.")
STUDENT_EPOCHS = flags.DEFINE_integer("student_epochs", 8, "Of 100 steps each.")

METHODS = {
    "imitate": "imitation, no labels",
    "labels": "imitation and few labels",
    "finetune": "imitation, then few labels",
}
_SHORT = (
    "training.train.baselines = None",
    "training.train.evaluate_untrained = False",
    "training.train.artefacts = []",
)


@dataclasses.dataclass(frozen=True)
class _Teacher:
    """A teacher: its norm ("clean" without attack) and epsilon, as in the flags."""

    norm: str
    epsilon: str = "0"

    def __str__(self) -> str:
        if self.norm == "clean":
            return "clean"
        return f"L-inf {self.epsilon}/255" if self.norm == "linf" else f"L2 {self.epsilon}"

    def name(self, seed: str) -> str:
        """The run of one seed."""
        return f"teacher_{self.norm}{self.epsilon}_seed{seed}"

    @property
    def gin_file(self) -> str:
        return f"gin_configs/rmt/source_{'clean' if self.norm == 'clean' else 'joint_fgsm'}.gin"

    @property
    def parameters(self) -> list[str]:
        if self.norm == "clean":
            return []
        epsilon = float(self.epsilon) / (255 if self.norm == "linf" else 1)
        parameters = [
            f"EPSILON = {epsilon:.8f}",
            "epsilon/tf.keras.optimizers.schedules.PolynomialDecay.decay_steps = 300",
            "training.train.callbacks = []",
        ]
        if self.norm == "l2":
            parameters.append("fast_gradient.FastGradientMethod.ball = @ball.L2Ball()")
        return parameters


CLEAN = _Teacher("clean")


class Experiment:
    """The runs and their figures."""

    def __init__(self, domains: Domains, sweep: Sweep):
        self._domains, self._sweep = domains, sweep
        self.chosen: list[_Teacher] = []

    @property
    def candidates(self) -> list[_Teacher]:
        """Every robust teacher."""
        linf = [_Teacher("linf", epsilon) for epsilon in L_INF.value]
        return linf + [_Teacher("l2", epsilon) for epsilon in L2.value]

    def choose(self) -> None:
        """Chooses one epsilon of each norm by the validation figures of imitating students."""
        teachers = [CLEAN, *self.candidates]
        seeds = CHOICE_SEEDS.value
        self._sweep.make(
            [run for seed in seeds for t in teachers for run in self._runs(t, seed, ["imitate"])]
        )
        for norm in ("linf", "l2"):
            group = [teacher for teacher in self.candidates if teacher.norm == norm]
            if group:
                self.chosen.append(max(group, key=lambda t: self.validation(t).mean()))

    def validation(self, teacher: _Teacher) -> np.ndarray:
        """Best validation figure of the students that imitate a teacher, in percent."""
        names = [_student_name(teacher, "imitate", seed) for seed in CHOICE_SEEDS.value]
        return self._sweep.values(names, "training", "best_value")

    def make(self) -> None:
        """Makes the runs of the comparison."""
        teachers = [CLEAN, *self.chosen]
        self._sweep.make(
            [r for seed in SEEDS.value for t in teachers for r in self._runs(t, seed, METHODS)]
        )

    def adjusted(self) -> str:
        """What the clean changes of the students are worth beside each other, in words.

        Each p-value is that of one comparison; of several, some are small by chance.
        """
        compared = [(teacher, method) for teacher in self.chosen for method in METHODS]
        p_values = [
            stats.ttest_rel(
                self.figures(teacher, method, self._domains.clean),
                self.figures(CLEAN, method, self._domains.clean),
            ).pvalue
            for teacher, method in compared
        ]
        adjusted = stats.false_discovery_control(p_values)
        return "\n".join(
            f"- {teacher}, {METHODS[method]}: {p_value_text(p_value)}"
            for (teacher, method), p_value in zip(compared, adjusted)
        )

    def size(self, network: str, figure: str) -> float:
        """A figure of the size of "trained" (the student) or "teacher"."""
        name = _student_name(CLEAN, "imitate", SEEDS.value[0])
        return self._sweep.records[name]["networks"][network]["size"][figure]

    def minutes(self, teacher: _Teacher, method: str) -> float:
        """Mean minutes of training, of the teacher without a method."""
        names = [
            _student_name(teacher, method, seed) if method else teacher.name(seed)
            for seed in SEEDS.value
        ]
        return self._sweep.minutes(names)

    def figures(self, teacher: _Teacher, method: str, path: tuple[str, str]) -> np.ndarray:
        """A figure over the seeds, in percent: of the students, or without a method the teachers.

        The teachers are evaluated on the target domain, beside their imitating students.
        """
        names = [_student_name(teacher, method or "imitate", seed) for seed in SEEDS.value]
        return self._sweep.values(names, "networks", "trained" if method else "teacher", *path)

    def _runs(self, teacher: _Teacher, seed: str, methods) -> list[Run]:
        return [
            self._teacher_run(teacher, seed),
            *(self._student_run(teacher, method, seed) for method in methods),
        ]

    def _teacher_run(self, teacher: _Teacher, seed: str) -> Run:
        files, parameters = self._domains.source
        return Run(
            teacher.name(seed),
            [teacher.gin_file, *files],
            [
                *parameters,
                *teacher.parameters,
                *_SHORT,
                f"SEED = {seed}",
                "batches.TrainingBatches.steps_per_epoch = 100",
                f"training.train.epochs = {TEACHER_EPOCHS.value}",
                "EVALUATIONS = {}",
            ],
        )

    def _student_run(self, teacher: _Teacher, method: str, seed: str) -> Run:
        of_method = {
            "imitate": "transfer_absolute",
            "labels": "transfer_labels",
            "finetune": "transfer_scratch",
        }
        files, parameters = self._domains.target
        needs = teacher.name(seed)
        parameters = [
            *parameters,
            *_SHORT,
            f"SEED = {seed}",
            "STEPS_PER_EPOCH = 100",
            f"training.train.epochs = {STUDENT_EPOCHS.value}",
            f"test/{self._domains.robust_evaluation}.epsilons = (0.01568627,)",
        ]
        if method == "imitate":
            if seed in CHOICE_SEEDS.value:
                parameters.append("EVALUATIONS = {}")
            else:
                parameters.append("training.train.baselines = {'teacher': %TEACHER}")
        else:
            parameters.append(f"LABELLED = {LABELLED.value}")
        if method == "finetune":
            needs = _student_name(teacher, "imitate", seed)
            parameters += [
                "training.train.epochs = 3",
                "tf.keras.optimizers.Adam.learning_rate = 1e-4",
                "pk_sampler.PKSampler.classes_per_batch = 8",
                "NETWORK = @teacher.load_teacher()",
            ]
        parameters.append(f"TEACHER_RUN = {str(self._sweep.folder(needs).absolute())!r}")
        return Run(
            _student_name(teacher, method, seed),
            [
                f"gin_configs/rmt/{of_method[method]}.gin",
                *files,
                "gin_configs/transfer/student_grey.gin",
            ],
            parameters,
            needs=[needs],
        )


def _student_name(teacher: _Teacher, method: str, seed: str) -> str:
    return f"{method}_{teacher.name(seed)}"
