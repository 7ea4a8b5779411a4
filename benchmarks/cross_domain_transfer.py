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

from absl import app

from benchmarks import result_page
from benchmarks.cross_domain_experiment import (
    CHOICE_SEEDS,
    CLEAN,
    L2,
    L_INF,
    LABELLED,
    METHODS,
    SEEDS,
    STUDENT_EPOCHS,
    TEACHER_EPOCHS,
    Experiment,
)
from benchmarks.tables import change, difference, markdown_table, spread
from benchmarks.transfer_domains import ATTACKED, Domains, chosen_domains


def _table(experiment: Experiment, domains: Domains) -> str:
    columns = ["teacher", "network", "clean", "sample, clean", f"sample, at {ATTACKED}"]
    columns += ["clean, change", f"{ATTACKED}, change", "to its teacher", "minutes"]
    rows = []
    for method, title in [("", "the teacher itself"), *METHODS.items()]:
        for teacher in [CLEAN, *experiment.chosen]:
            paths = (domains.clean, domains.sample, domains.attacked)
            values = [experiment.figures(teacher, method, path) for path in paths]
            changes = ["", "", ""]
            if teacher != CLEAN:
                reference = [experiment.figures(CLEAN, method, path) for path in paths]
                changes[:2] = (
                    difference(values[0], reference[0]),
                    difference(values[2], reference[2]),
                )
            if method:
                changes[2] = change(values[0], experiment.figures(teacher, "", domains.clean))
            minutes = f"{experiment.minutes(teacher, method):.1f}"
            rows.append([str(teacher), title, *map(spread, values), *changes, minutes])
    return markdown_table(columns, rows, words=2)


def _choice_table(experiment: Experiment) -> str:
    rows = []
    for teacher in [CLEAN, *experiment.candidates]:
        mark = "chosen" if teacher in experiment.chosen else ""
        rows.append([str(teacher), mark, spread(experiment.validation(teacher))])
    return markdown_table(["teacher", "", "validation Recall@1 of the student"], rows, words=2)


def main() -> None:
    """Makes the missing runs, then writes the tables."""
    both = set(SEEDS.value) & set(CHOICE_SEEDS.value)
    if both:
        raise app.UsageError(
            f"--seeds and --choice_seeds must have no seed in common, got {sorted(both)} in both."
        )
    domains = chosen_domains()
    sweep = result_page.open_sweep("cross_domain_transfer", part=domains.name)
    experiment = Experiment(domains, sweep)
    experiment.choose()
    experiment.make()
    parameters = experiment.size("trained", "k parameters")
    work = [experiment.size(network, "M multiply-adds") for network in ("teacher", "trained")]
    result_page.write(
        f"""# {domains.title}

Teachers learn in one domain (joint adversarial training in one step, a = 0.5), students imitate
them in another: networks of {parameters:.0f} k parameters and {work[0] / work[1]:.0f} times fewer
multiply-adds. {domains.clean[1].capitalize()} on unseen classes of the target domain, in percent:
mean ± standard deviation over {len(SEEDS.value)} seeds. The sample is one of 200 queries or pairs,
clean and "at": under projected gradient descent in 32 steps, such that an image
of another class is found first, or pairs are moved to the wrong side; the student's whole network,
with the view it takes of the image, is attacked. Changes are paired, against the clean teacher with
the same seeds, with the p-value of a t-test, and against the teacher itself. Few labels are those
of {100 * LABELLED.value:.0f} % of the target's classes; of each training the network of its best
epoch counts, by the figure of labelled validation classes.

{_table(experiment, domains)}

The p-values of the clean changes of students, adjusted for their number (Benjamini and Hochberg):

{experiment.adjusted()}

The epsilon of each norm was chosen by the validation figure of imitating students, with seeds
{", ".join(CHOICE_SEEDS.value)}:

{_choice_table(experiment)}

    ./bazelw run //benchmarks:cross_domain_transfer -- {domains.flag} \\
        --seeds={",".join(SEEDS.value)} --choice_seeds={",".join(CHOICE_SEEDS.value)} \\
        --l_inf={",".join(L_INF.value)} --l2={",".join(L2.value)} --labelled={LABELLED.value} \\
        --teacher_epochs={TEACHER_EPOCHS.value} --student_epochs={STUDENT_EPOCHS.value} \\
        --output={result_page.output()}
""",
        sweep,
    )


if __name__ == "__main__":
    result_page.run(main)
