"""The arms that MDProp is compared with, and the strength of their attacks."""

import dataclasses

ATTACK = "projected_gradient_descent.ProjectedGradientDescent"
_TARGETS = "adversarial_branch.targeted_branches.targets"
_COMBINATION = "mdprop.MDPropModel.combination"


@dataclasses.dataclass(frozen=True)
class Strength:
    """How an attack of training searches: epsilon in 255ths, and the number of steps."""

    epsilon: str
    steps: int

    @classmethod
    def from_text(cls, text: str) -> "Strength":
        """Reads "epsilon:steps"."""
        epsilon, steps = text.split(":")
        return cls(epsilon, int(steps))

    def __str__(self) -> str:
        return f"{self.epsilon}/255, {self.steps} step{'s' if self.steps > 1 else ''}"


@dataclasses.dataclass(frozen=True)
class Arm:
    """One row of the table.

    Attributes:
        title: What it is, in words.
        gin_files: Its experiment, below gin_configs, and what goes behind it.
        method: Whose strength it takes: "mdprop", "advprop", "joint", or "" without an attack.
        parameters: Further bindings.
        control: Title of the arm that it is compared with, if any.
        strength: A strength that is not chosen.
        longer: Whether it takes as much computation as MDProp, in more steps.
        noise: Whether its images are noisy, not attacked.
        tests_branches: Whether it is a control of MDProp: what beats it is not due to attacks in
            branches of their own.
        explored: Whether it is made with the first seed alone, to see whether more are worth it.
    """

    title: str
    gin_files: tuple[str, ...]
    method: str = ""
    parameters: tuple[str, ...] = ()
    control: str = "baseline"
    strength: Strength | None = None
    longer: bool = False
    noise: bool = False
    tests_branches: bool = False
    explored: bool = False

    def name(self, seed: str) -> str:
        """The run of one seed."""
        return "_".join([*self.title.replace(",", "").replace("/", "_").split(), f"seed{seed}"])


_BASELINE, _MDPROP = ("mdprop/baseline.gin",), ("mdprop/mdprop.gin",)
_ARCFACE, _S2SD = ("losses/arcface.gin",), ("mdprop/baseline_s2sd.gin",)
_SELF_DISTILLATION = "self_distillation.SelfDistillation.feature_start_step = 500"
# It starts near the clean image, as the branches' attacks do.
JOINT = Arm(
    "joint adversarial",
    ("rmt/source_joint_pgd.gin",),
    "joint",
    (f"{ATTACK}.start_radius = 0.00011",),
)
ADVPROP = Arm("AdvProp", ("mdprop/advprop.gin",), "advprop")
FIVE_TARGETS = Arm("MDProp, 5 targets", _MDPROP, "mdprop")
_CONTROLS = (
    Arm("baseline", _BASELINE, tests_branches=True),
    Arm(
        "twice the batch",
        _BASELINE,
        parameters=("pk_sampler.PKSampler.classes_per_batch = 32",),
        tests_branches=True,
    ),
    Arm("equal computation", _BASELINE, longer=True, tests_branches=True),
    Arm("noise in the branches", ("mdprop/noise.gin",), "mdprop", noise=True, tests_branches=True),
)
# What MDProp does for robustness, beside controls and kindred methods.
ROBUSTNESS = (
    *_CONTROLS,
    Arm(
        "one batch norm, 5 targets",
        _MDPROP,
        "mdprop",
        ("mdprop.MDPropModel.shared_batch_norm = True",),
        tests_branches=True,
    ),
    JOINT,
    ADVPROP,
    Arm("MDProp, 1 target", _MDPROP, "mdprop", (_TARGETS + " = {'single': 1}",)),
    Arm("MDProp, 3 targets", _MDPROP, "mdprop", (_TARGETS + " = {'single': 1, 'multi': 3}",)),
    FIVE_TARGETS,
    Arm("MDProp, 10 targets", _MDPROP, "mdprop", (_TARGETS + " = {'single': 1, 'multi': 10}",)),
)
# Where clean retrieval might gain: smaller epsilon, losses by branch, other losses.
CLEAN_GAIN = (
    *_CONTROLS,
    FIVE_TARGETS,
    Arm(
        "MDProp, 5 targets, paper's epsilon",
        _MDPROP,
        strength=Strength("0.57", 1),
        explored=True,
    ),
    Arm(
        "MDProp, 5 targets, separate losses",
        _MDPROP,
        "mdprop",
        (f"{_COMBINATION} = @branch_combination.SeparateCombination()",),
        explored=True,
    ),
    Arm("baseline, ArcFace", (*_BASELINE, *_ARCFACE), control=""),
    Arm("MDProp, 5 targets, ArcFace", (*_MDPROP, *_ARCFACE), "mdprop", (), "baseline, ArcFace"),
    Arm(
        "baseline, S2SD",
        _S2SD,
        parameters=(_SELF_DISTILLATION,),
        control="",
        explored=True,
    ),
    Arm(
        "MDProp, 5 targets, S2SD",
        ("mdprop/mdprop_s2sd.gin",),
        "mdprop",
        (_SELF_DISTILLATION,),
        "baseline, S2SD",
        explored=True,
    ),
)
