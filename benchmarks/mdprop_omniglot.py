"""MDProp on handwritten characters, beside the controls without which a gain means nothing.

    ./bazelw run //benchmarks:mdprop_omniglot -- --omniglot=/path/to/omniglot_small \
        --output=docs/results/mdprop_omniglot.md

Epsilon and the steps of the attack are chosen for each attacked method on validation characters,
by the mean of clean and misranked Recall@1, unless a single one is given. Every arm then keeps its
network of the best validation epoch and is evaluated on unseen characters, over seeds. Runs that
are recorded beside the output (`.json`) are not made again.

The arms are those of one of two studies: `--study=robustness`, MDProp beside controls and kindred
methods, and `--study=clean_gain`, where clean retrieval might gain, which takes longer training:

    ./bazelw run //benchmarks:mdprop_omniglot -- --omniglot=/path/to/omniglot_small \
        --study=clean_gain --seeds=0,1 --steps=3000 --strengths=16:1 \
        --output=docs/results/mdprop_clean_gain.md
"""

import pathlib

import matplotlib

from benchmarks import result_page
from benchmarks.mdprop_experiment import (
    CHOSEN_AT,
    SCORED,
    SEED_OF_CHOICE,
    SEEDS,
    STEPS,
    STRENGTHS,
    STUDY,
    WIDTH,
    Experiment,
)
from benchmarks.tables import markdown_table, spread

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # pylint: disable=wrong-import-position

_TESTED = ("4/255", "8/255", "16/255")


def _table(experiment: Experiment) -> str:
    columns = [
        *("training", "attack", "Recall@1", "MAP@R", *(f"at {epsilon}" for epsilon in _TESTED)),
        *(f"misranked, {_TESTED[1]}", "ERS"),
        *("density", "rho", "s/step", "Recall@1, change", "at 8/255, change"),
        "Recall@1, change to the best control",
    ]
    by_title = {arm.title: arm for arm in experiment.arms}
    best_control = experiment.best_control()
    attacked = ("attacked", f"recall@1 at {_TESTED[1]}")
    rows = []
    for arm in experiment.arms:
        robust = [experiment.figures(arm, "attacked", f"recall@1 at {x}") for x in _TESTED]
        changes = ["", "", ""]
        control = by_title.get(arm.control)
        if control is not None and control is not arm:
            changes[0] = experiment.change(arm, control, "clean", "recall@1")
            changes[1] = experiment.change(arm, control, *attacked)
        if arm.control == "baseline" and not arm.tests_branches:
            changes[2] = experiment.change(arm, best_control, "clean", "recall@1")
        rows.append(
            [
                arm.title,
                experiment.attack(arm),
                spread(experiment.figures(arm, "clean", "recall@1")),
                spread(experiment.figures(arm, "clean", "map@r")),
                *map(spread, robust),
                spread(experiment.figures(arm, "misranked", f"recall@1 at {_TESTED[1]}")),
                spread(experiment.figures(arm, "RobRank", "ERS") / 100),
                f"{experiment.figures(arm, 'clean', 'density').mean() / 100:.3f}",
                f"{experiment.figures(arm, 'clean', 'rho').mean() / 100:.2f}",
                f"{experiment.seconds_a_step(arm):.3f}",
                *changes,
            ]
        )
    return markdown_table(columns, rows, words=2)


def _explored(experiment: Experiment) -> str:
    if any(arm.explored for arm in experiment.arms):
        return " (without a deviation: one seed, and changes of that seed)"
    return ""


def _candidates(experiment: Experiment) -> str:
    if not experiment.candidates:
        return "Epsilon and steps of the attack in training were given."
    rows = []
    for arm in experiment.candidates:
        clean, misranked = experiment.choice_figures(arm)
        chosen = "chosen" if arm.strength == experiment.strengths[arm.method] else ""
        rows.append([arm.method, str(arm.strength), chosen, f"{clean:.1f}", f"{misranked:.1f}"])
    columns = ["method", "attack", "", "Recall@1", f"misranked, {CHOSEN_AT}"]
    return f"""Epsilon and steps of the attack in training were chosen on validation characters
(seed {SEED_OF_CHOICE}), by the mean of clean and misranked Recall@1; of those within a point of the
best, the one of fewest steps:

{markdown_table(columns, rows, words=3)}"""


def _plot(experiment: Experiment, path: pathlib.Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for arm, colour in zip(experiment.arms, plt.get_cmap("tab20").colors):
        steps, values = experiment.curves(arm)
        style = {"ls": "--" if experiment.strength(arm) is None else "-", "lw": 1, "color": colour}
        left.plot(steps, 100 * values, label=arm.title, **style)
        robust = [
            experiment.figures(arm, "attacked", f"recall@1 at {x}").mean() for x in ("0", *_TESTED)
        ]
        right.plot([0, 4, 8, 16], robust, **style)
    left.set_xlabel("step")
    left.set_ylabel("MAP@R of validation characters, %")
    right.set_xlabel("epsilon of the attack on unseen characters, of 255")
    right.set_ylabel("Recall@1 of the queries that are attacked, %")
    for axes in (left, right):
        axes.grid(alpha=0.4)
    figure.legend(loc="outside right", fontsize=7)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Makes the missing runs, then writes the tables and the plot."""
    experiment = Experiment()
    experiment.choose()
    experiment.make()
    _plot(experiment, result_page.plot())
    easier = experiment.easier()
    result_page.write(
        f"""# MDProp on handwritten characters: {STUDY.value.replace("_", " ")}

Characters of Omniglot that were not trained on, in percent: mean ± standard deviation over
{len(SEEDS.value)} seeds{_explored(experiment)}. A network of width {WIDTH.value} is
trained for {STEPS.value} steps ("equal computation": as many more as MDProp's steps cost); every
arm keeps its network of the best validation epoch. "At" is Recall@1 under projected gradient
descent in 32 steps that shifts the embeddings of 200 queries as far as possible (without attack
their Recall@1 is {easier:.1f} points above that of all); "misranked" is the same search for what
brings an image of another class first, which is the stronger attack. ERS is the score of RobRank on
{SCORED} queries, density the ratio of intra- to inter-class distance, rho the spectral decay of the
dimensions in use. All is of the branch "clean" as a plain network, which is attacked and evaluated.

MDProp with T targets has two branches, of 1 and of T targets. In training an attack of several
steps takes them in 2.5 / steps of epsilon, at most epsilon; all attacks with branches have the
strength that was chosen for MDProp with 5 targets. Changes are paired, against the baseline with
the same loss, with the p-value of a t-test; the last ones against
"{experiment.best_control().title}", the control with the highest Recall@1.

{_table(experiment)}

![Learning curves and robustness]({result_page.plot().name})

{_candidates(experiment)}

    ./bazelw run //benchmarks:mdprop_omniglot -- --omniglot=omniglot_small \\
        --study={STUDY.value} --seeds={",".join(SEEDS.value)} --steps={STEPS.value} \\
        --width={WIDTH.value} --strengths={",".join(STRENGTHS.value)} \\
        --output={result_page.output()}
""",
        experiment.sweep,
    )


if __name__ == "__main__":
    result_page.run(main)
