"""Does a robust teacher transfer better? From one domain to another, with few labels or none.

    ./bazelw run //benchmarks:cross_domain_transfer -- --omniglot=/path/to/omniglot_small \
        --output=docs/results/cross_domain_transfer_characters.md
    ./bazelw run //benchmarks:cross_domain_transfer -- --lfw=/path/to/lfw112 \
        --output=docs/results/cross_domain_transfer_faces.md

Teachers learn printed characters (or faces) by clean and by joint adversarial training in one step
(FGSM, in either norm); students imitate them on handwritten characters (or corrupted faces):
without labels, with few, and with few afterwards. Of each norm one epsilon is chosen by the
students' validation figures, with seeds of their own; then clean and robust teachers are compared
over seeds, in pairs. Runs that are recorded beside the output (`.json`) are not made again.
"""

import dataclasses

import numpy as np
from absl import flags

from benchmarks import result_page
from benchmarks.sweep import Run, Sweep
from benchmarks.tables import difference, markdown_table, spread
from benchmarks.transfer_domains import ATTACKED, Domains, chosen_domains

_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2", "3", "4"], "Seeds of the comparison.")
_CHOICE_SEEDS = flags.DEFINE_list("choice_seeds", ["100", "101"], "Seeds of the choice.")
_L_INF = flags.DEFINE_list("l_inf", ["0.5", "1", "2"], "Teachers' epsilons, of 255.")
_L2 = flags.DEFINE_list("l2", ["0.1", "0.25", "0.5"], "Teachers' epsilons in L2.")
_LABELLED = flags.DEFINE_float("labelled", 0.1, "Share of the target's classes with labels.")
_TEACHER_EPOCHS = flags.DEFINE_integer("teacher_epochs", 8, "Of 100 steps each.")
_STUDENT_EPOCHS = flags.DEFINE_integer("student_epochs", 8, "Of 100 steps each.")

_METHODS = {
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


_CLEAN = _Teacher("clean")


class _Experiment:
    """The runs and their figures."""

    def __init__(self, domains: Domains, sweep: Sweep):
        self._domains, self._sweep = domains, sweep
        self.chosen: list[_Teacher] = []

    @property
    def candidates(self) -> list[_Teacher]:
        """Every robust teacher."""
        linf = [_Teacher("linf", epsilon) for epsilon in _L_INF.value]
        return linf + [_Teacher("l2", epsilon) for epsilon in _L2.value]

    def choose(self) -> None:
        """Chooses one epsilon of each norm by the validation figures of imitating students."""
        teachers = [_CLEAN, *self.candidates]
        seeds = _CHOICE_SEEDS.value
        self._sweep.make(
            [run for seed in seeds for t in teachers for run in self._runs(t, seed, ["imitate"])]
        )
        for norm in ("linf", "l2"):
            group = [teacher for teacher in self.candidates if teacher.norm == norm]
            if group:
                self.chosen.append(max(group, key=lambda t: self.validation(t).mean()))

    def validation(self, teacher: _Teacher) -> np.ndarray:
        """Best validation figure of the students that imitate a teacher, in percent."""
        names = [_student_name(teacher, "imitate", seed) for seed in _CHOICE_SEEDS.value]
        return self._sweep.values(names, "training", "best_value")

    def make(self) -> None:
        """Makes the runs of the comparison."""
        teachers = [_CLEAN, *self.chosen]
        self._sweep.make(
            [r for seed in _SEEDS.value for t in teachers for r in self._runs(t, seed, _METHODS)]
        )

    def figures(self, teacher: _Teacher, method: str, path: tuple[str, str]) -> np.ndarray:
        """A figure over the seeds, in percent: of the students, or without a method the teachers.

        The teachers are evaluated on the target domain, beside their imitating students.
        """
        names = [_student_name(teacher, method or "imitate", seed) for seed in _SEEDS.value]
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
                f"training.train.epochs = {_TEACHER_EPOCHS.value}",
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
            f"training.train.epochs = {_STUDENT_EPOCHS.value}",
            f"test/{self._domains.robust_evaluation}.epsilons = (0.01568627,)",
        ]
        if method == "imitate":
            if seed in _CHOICE_SEEDS.value:
                parameters.append("EVALUATIONS = {}")
            else:
                parameters.append("training.train.baselines = {'teacher': %TEACHER}")
        else:
            parameters.append(f"LABELLED = {_LABELLED.value}")
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


def _table(experiment: _Experiment, domains: Domains) -> str:
    columns = ["teacher", "network", "clean", f"at {ATTACKED}"]
    columns += ["clean, change", f"{ATTACKED}, change"]
    rows = []
    for method, title in [("", "the teacher itself"), *_METHODS.items()]:
        for teacher in [_CLEAN, *experiment.chosen]:
            paths = (domains.clean, domains.attacked)
            values = [experiment.figures(teacher, method, path) for path in paths]
            changes = ["", ""]
            if teacher != _CLEAN:
                reference = [experiment.figures(_CLEAN, method, path) for path in paths]
                changes = list(map(difference, values, reference))
            rows.append([str(teacher), title, *map(spread, values), *changes])
    return markdown_table(columns, rows, words=2)


def _choice_table(experiment: _Experiment) -> str:
    rows = []
    for teacher in [_CLEAN, *experiment.candidates]:
        mark = "chosen" if teacher in experiment.chosen else ""
        rows.append([str(teacher), mark, spread(experiment.validation(teacher))])
    return markdown_table(["teacher", "", "validation Recall@1 of the student"], rows, words=2)


def main() -> None:
    """Makes the missing runs, then writes the tables."""
    domains = chosen_domains()
    experiment = _Experiment(
        domains,
        result_page.open_sweep("cross_domain_transfer", part=domains.name),
    )
    experiment.choose()
    experiment.make()
    result_page.write(
        f"""# {domains.title}

Teachers learn in one domain (joint adversarial training in one step, a = 0.5), students imitate
them in another. {domains.clean[1].capitalize()} on
unseen classes of the target domain, in percent: mean ± standard deviation over {len(_SEEDS.value)}
seeds. "At" is projected gradient descent in 32 steps on 200 queries, such that an image of another
class is found first, or on 200 pairs, which are moved to the wrong side; the student's whole
network, with the view it takes of the image, is attacked. Changes are paired, against the clean
teacher with the same seeds, with the p-value of a t-test. Few labels are those of
{100 * _LABELLED.value:.0f} % of the target's classes.

{_table(experiment, domains)}

The epsilon of each norm was chosen by the validation figure of imitating students, with seeds
{", ".join(_CHOICE_SEEDS.value)}:

{_choice_table(experiment)}

    ./bazelw run //benchmarks:cross_domain_transfer -- {domains.flag} \\
        --seeds={",".join(_SEEDS.value)} --labelled={_LABELLED.value} \\
        --teacher_epochs={_TEACHER_EPOCHS.value} --student_epochs={_STUDENT_EPOCHS.value} \\
        --output={result_page.output()}
"""
    )


if __name__ == "__main__":
    result_page.run(main)
