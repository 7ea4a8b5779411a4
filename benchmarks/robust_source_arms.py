"""The data, the arms and the flags of the grid of joint adversarial training."""

import dataclasses

from absl import flags

from benchmarks import characters_or_faces, faces

EPSILONS = flags.DEFINE_list("epsilons", ["1", "2", "4", "8"], "Training epsilons, of 255.")
WEIGHTS = flags.DEFINE_list("weights", ["0.5", "0.25", "1.0"], "Adversarial weights a.")
ATTACKS = flags.DEFINE_list("attacks", ["fgsm", "pgd"], "Searches used in training.")
SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of weights, batches and attacks.")
EPOCHS = flags.DEFINE_integer("epochs", 8, "Of 100 steps each.")
PGD_STEPS = flags.DEFINE_integer("pgd_steps", 4, "Steps of the search in training.")
ATTACK_DTYPE = flags.DEFINE_string(
    "attack_dtype", "float32", "Type that the search of PGD computes in, in training."
)
WARM_UP = flags.DEFINE_integer("warm_up", 400, "Steps in which epsilon grows from 0.")
TESTED = ("2/255", "4/255", "8/255")


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set: its gin files and the figure that counts.

    Attributes:
        title: Name in the report.
        flag: That names it, for who repeats the runs.
        gin_files: Data and evaluation.
        parameters: Bindings that tell where the data lies.
        figure: The clean figure; under attack it is called "<figure> at 4/255".
        unit: What the figure is, in words.
    """

    title: str
    flag: str
    gin_files: tuple[str, ...]
    parameters: tuple[str, ...]
    figure: str
    unit: str


@dataclasses.dataclass(frozen=True)
class Arm:
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
            f"{schedule}.decay_steps = {WARM_UP.value}",
            "training.train.callbacks = []",
        ]
        if self.attack == "pgd":
            attack = "projected_gradient_descent.ProjectedGradientDescent"
            parameters += [
                f"{attack}.steps = {PGD_STEPS.value}",
                f"{model}.attack_dtype = {ATTACK_DTYPE.value!r}",
            ]
        elif self.weight == "1.0":
            # There is no clean pass whose gradient the attack could share.
            parameters.append(f"{model}.shared_gradient = False")
        return parameters


def chosen_data() -> Data:
    """The data set that the flags name."""
    name, flag, parameters = characters_or_faces.chosen_data()
    if name == "omniglot":
        return Data(
            title="Omniglot",
            flag=flag,
            gin_files=(
                "gin_configs/data/omniglot.gin",
                "gin_configs/evaluation/thorough_retrieval.gin",
            ),
            parameters=parameters,
            figure="recall@1",
            unit="Recall@1 of unseen characters",
        )
    return Data(
        title="LFW",
        flag=flag,
        gin_files=(
            "gin_configs/data/lfw.gin",
            "gin_configs/evaluation/thorough_verification.gin",
            "gin_configs/networks/imagenet_resnet.gin",
        ),
        parameters=(*parameters, *faces.TEACHER),
        figure="accuracy",
        unit="verification accuracy on pairs of unseen people",
    )


def all_arms() -> list[Arm]:
    """Clean training, and all that the flags ask for."""
    # The weight varies slowest: a sweep that is stopped early has every epsilon at a = 0.5.
    return [Arm()] + [
        Arm(attack, epsilon, weight)
        for weight in WEIGHTS.value
        for attack in ATTACKS.value
        for epsilon in EPSILONS.value
    ]
