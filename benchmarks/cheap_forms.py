"""Are metrics that were made robust in the cheap forms of training as robust?

    ./bazelw run //benchmarks:cheap_forms -- --output=docs/results/cheap_forms.md

Trains the network of the quickstart on drawn characters with as many updates in every form whose
cost benchmarks/train_step.py measures, over seeds, and evaluates unseen characters, clean and
attacked. Runs that are recorded beside the output (`.json`) are not made again.
"""

import dataclasses

from absl import flags

from benchmarks import result_page
from benchmarks.sweep import Run, Sweep
from benchmarks.tables import difference, markdown_table, spread

_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of weights, batches and attacks.")
_STEPS = flags.DEFINE_integer("steps", 800, "Updates.")
_EPSILON = flags.DEFINE_string("epsilon", "4", "Of 255.")

_TESTED = ("4/255", "8/255")
_EPOCH = 100  # updates
_MODEL = "joint_adversarial.JointAdversarialModel"
_ATTACK = "projected_gradient_descent.ProjectedGradientDescent"


@dataclasses.dataclass(frozen=True)
class _Form:
    """One row: a form of training.

    Attributes:
        title: As in the table of costs.
        experiment: The gin file.
        parameters: Bindings that make the form.
        replays: Updates a batch.
        like: Title of the form that it is a cheap form of.
    """

    title: str
    experiment: str
    parameters: tuple[str, ...] = ()
    replays: int = 1
    like: str | None = None


_FORMS = (
    _Form("clean", "clean"),
    _Form("clean, bfloat16", "clean", ("runtime.configure.precision = 'mixed_bfloat16'",)),
    _Form("free, 4 replays", "joint_free", replays=4, like="PGD-7"),
    _Form("FGSM", "joint_fgsm", (f"{_MODEL}.shared_gradient = False",)),
    _Form("FGSM, gradient shared", "joint_fgsm", like="FGSM"),
    _Form("PGD-3", "joint_pgd", (f"{_ATTACK}.steps = 3",), like="PGD-7"),
    _Form("PGD-7", "joint_pgd"),
    _Form(
        "PGD-7, attack in bfloat16",
        "joint_pgd",
        (f"{_MODEL}.attack_dtype = 'bfloat16'",),
        1,
        "PGD-7",
    ),
    _Form(
        "PGD-7, all in bfloat16",
        "joint_pgd",
        (
            f"{_MODEL}.attack_dtype = 'bfloat16'",
            "runtime.configure.precision = 'mixed_bfloat16'",
        ),
        1,
        "PGD-7",
    ),
)


def _name(form: _Form, seed: str) -> str:
    return "_".join([*form.title.replace(",", "").split(), f"seed{seed}"])


def _run(form: _Form, seed: str) -> Run:
    batches = _STEPS.value // form.replays
    parameters = [
        f"SEED = {seed}",
        f"batches.TrainingBatches.steps_per_epoch = {_EPOCH // form.replays}",
        f"training.train.epochs = {batches // (_EPOCH // form.replays)}",
        "training.train.baselines = None",
        "training.train.evaluate_untrained = False",
        "training.train.artefacts = []",
        *form.parameters,
    ]
    if form.experiment != "clean":
        schedule = "epsilon/tf.keras.optimizers.schedules.PolynomialDecay"
        parameters += [
            f"EPSILON = {float(_EPSILON.value) / 255:.8f}",
            f"{schedule}.decay_steps = 300",
            "training.train.callbacks = []",
        ]
    return Run(_name(form, seed), [f"gin_configs/rmt/source_{form.experiment}.gin"], parameters)


def _table(sweep: Sweep) -> str:
    def figures(form: _Form, evaluation: str, figure: str):
        names = [_name(form, seed) for seed in _SEEDS.value]
        return sweep.values(names, "networks", "trained", evaluation, figure)

    by_title = {form.title: form for form in _FORMS}
    rows = []
    for form in _FORMS:
        paths = [
            ("unseen classes", "recall@1"),
            ("unseen classes, attacked", f"recall@1 at {_TESTED[-1]}"),
            *(("unseen classes, misranked", f"recall@1 at {epsilon}") for epsilon in _TESTED),
        ]
        values = [figures(form, *path) for path in paths]
        change = ""
        if form.like is not None:
            reference = figures(by_title[form.like], *paths[-1])
            change = f"{difference(values[-1], reference)} against {form.like}"
        rows.append([form.title, *map(spread, values), change])
    attacked = [f"shifted, {_TESTED[-1]}", *(f"misranked, {epsilon}" for epsilon in _TESTED)]
    return markdown_table(["form", "Recall@1", *attacked, "last, change"], rows, words=1)


def main() -> None:
    """Makes the missing runs, then writes the table."""
    sweep = result_page.open_sweep("cheap_forms")
    sweep.make([_run(form, seed) for seed in _SEEDS.value for form in _FORMS])
    result_page.write(
        f"""# What the cheap forms of robust training are worth

Recall@1 on characters that were not trained on, in percent: mean ± standard deviation over
{len(_SEEDS.value)} seeds. The network of the quickstart, {_STEPS.value} updates in each form,
epsilon {_EPSILON.value}/255 in training. Attacked by projected gradient descent in 32 steps on 200
queries, which are shifted as far as possible, or moved such that an image of another class is found
first ("misranked", the stronger attack). Changes are paired, with the p-value of a t-test. What the
forms cost: [train_step.md](train_step.md).

{_table(sweep)}

    ./bazelw run //benchmarks:cheap_forms -- --seeds={",".join(_SEEDS.value)} \\
        --steps={_STEPS.value} --epsilon={_EPSILON.value} --output={result_page.output()}
""",
        sweep,
    )


if __name__ == "__main__":
    result_page.run(main)
