"""Joint adversarial training of source metrics: what robustness costs, on Omniglot and on faces.

    ./bazelw run //benchmarks:robust_source -- --omniglot=/path/to/omniglot_small \
        --output=docs/results/robust_source_omniglot.md
    ./bazelw run //benchmarks:robust_source -- --lfw=/path/to/lfw112 \
        --output=docs/results/robust_source_lfw.md

Clean training, and joint training with FGSM and PGD at every training epsilon and weight, over
seeds and with equal steps; figures on unseen classes, clean, attacked (projected gradient descent
in 32 steps with restarts, on Omniglot also with the gallery known) and under a transfer attack made
on a clean network of another seed. Runs that are recorded beside the output (`.json`) are not made
again.
"""

import dataclasses

from benchmarks import result_page, robust_source_report
from benchmarks.robust_source_arms import (
    ATTACK_DTYPE,
    ATTACKS,
    EPOCHS,
    EPSILONS,
    PGD_STEPS,
    SEEDS,
    TESTED,
    WARM_UP,
    WEIGHTS,
    Arm,
    Data,
    all_arms,
    chosen_data,
)
from benchmarks.sweep import Run, Sweep


def _runs(data: Data, sweep: Sweep) -> list[Run]:
    surrogate = Arm().name("100")

    def run(arm: Arm, seed: str) -> Run:
        return Run(
            name=arm.name(seed),
            gin_files=[arm.gin_file, *data.gin_files],
            parameters=[
                *data.parameters,
                *arm.parameters,
                f"SEED = {seed}",
                f"SURROGATE = {str((sweep.folder(surrogate) / 'network.keras').absolute())!r}",
                "batches.TrainingBatches.steps_per_epoch = 100",
                f"training.train.epochs = {EPOCHS.value}",
                "training.train.baselines = None",
                "training.train.evaluate_untrained = False",
                "training.train.artefacts = []",
            ],
            needs=[surrogate],
        )

    # What the others are attacked with cannot be attacked with itself.
    first = run(Arm(), "100")
    first = dataclasses.replace(
        first,
        gin_files=[file for file in first.gin_files if "thorough" not in file],
        parameters=[p for p in first.parameters if not p.startswith("SURROGATE")],
        needs=[],
    )
    return [first] + [run(arm, seed) for seed in SEEDS.value for arm in all_arms()]


def main() -> None:
    """Makes the missing runs, then writes the table and the plot."""
    data = chosen_data()
    sweep = result_page.open_sweep("robust_source", part=data.title.lower())
    sweep.make(_runs(data, sweep))
    robust_source_report.plot(data, sweep, result_page.plot())
    command = (
        f"./bazelw run //benchmarks:robust_source -- {data.flag} "
        f"--seeds={','.join(SEEDS.value)} --weights={','.join(WEIGHTS.value)} \\\n        "
        f"--attacks={','.join(ATTACKS.value)} --epsilons={','.join(EPSILONS.value)} "
        f"--epochs={EPOCHS.value} \\\n        "
        f"--warm_up={WARM_UP.value} --pgd_steps={PGD_STEPS.value} "
        f"--attack_dtype={ATTACK_DTYPE.value} \\\n        --output={result_page.output()}"
    )
    result_page.write(
        f"""# Joint adversarial training on {data.title}

{data.unit[0].upper()}{data.unit[1:]}, in percent: mean ± standard deviation over seeds.
Every run takes {100 * EPOCHS.value} steps; epsilon grows from 0 in the first {WARM_UP.value}.
"At" is projected gradient descent in 32 steps with 2 restarts on 300 queries or pairs, "transfer"
the same search without restarts on a clean network of another seed. The changes are paired, against
clean training with the same seeds. Plotted are the means, with the training epsilon (of 255).

{robust_source_report.table(data, sweep)}

What gains most at {TESTED[1]}, in the mean over all seeds:

{robust_source_report.best(data, sweep, 4.0)}
{robust_source_report.best(data, sweep, 1.5)}

A best setting is chosen by the same figures that are given for it, which flatters it.

{robust_source_report.misranked(data, sweep)}![Clean and robust figures]({result_page.plot().name})

    {command}
""",
        sweep,
    )


if __name__ == "__main__":
    result_page.run(main)
