"""Does adversarial adaptation harm classes that are aligned already, and does CLAN protect them?

    ./bazelw run //benchmarks:aligned_classes -- --output=docs/results/aligned_classes.md

Drawn street scenes, in which some classes look the same in both domains and the others change.
Source only, plain adversarial adaptation and CLAN go on from one start, over seeds. Runs that are
recorded beside the output (`.json`) are not made again.
"""

import matplotlib
from absl import flags

from benchmarks import result_page
from benchmarks.sweep import Run
from benchmarks.tables import difference, markdown_table

matplotlib.use("Agg")
# pylint: disable=wrong-import-position
from benchmarks.adaptation_results import AdaptationResults, choices_and_curves

_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2", "3", "4"], "Seeds of weights and batches.")
_ALIGNED = flags.DEFINE_list("aligned", ["road", "building"], "Classes alike in both domains.")
_LAMBDAS = flags.DEFINE_list("lambdas", ["1.0", "4.0"], "Weights of the adversary, lambda_adv.")

_ARMS = {"source_only": "source only", "plain": "plain adversarial", "clan": "CLAN"}


def _run(seed: str, weight: str) -> Run:
    return Run(
        f"lambda{weight}_seed{seed}",
        ["gin_configs/clan/scenes.gin"],
        [
            f"SEED = {seed}",
            f"LAMBDA_ADV = {weight}",
            f"scene_styles.DuskStyle.aligned = {tuple(_ALIGNED.value)}",
        ],
    )


def _section(results: AdaptationResults, weight: str) -> str:
    rows = []
    for name in _ALIGNED.value:
        values = {stage: results.values(stage, f"iou/{name}") for stage in _ARMS}
        rows.append(
            [
                name,
                difference(values["plain"], values["source_only"]),
                difference(values["clan"], values["source_only"]),
                difference(values["clan"], values["plain"]),
            ]
        )
    columns = ["aligned class", "plain over source only", "CLAN over source only"]
    return f"""## lambda_adv = {weight}

{results.overall("source_only", "plain")}

IoU of the classes (* aligned):

{results.classes(dict.fromkeys(_ALIGNED.value, "*"))}

Paired changes of the aligned classes:

{markdown_table([*columns, "CLAN over plain"], rows, words=1)}
"""


def main() -> None:
    """Makes the missing runs, then writes the tables."""
    sweep = result_page.open_sweep("aligned_classes", more=choices_and_curves(list(_ARMS)))
    runs = {weight: [_run(seed, weight) for seed in _SEEDS.value] for weight in _LAMBDAS.value}
    sweep.make([run for group in runs.values() for run in group])
    sections = "\n".join(
        _section(
            AdaptationResults(sweep=sweep, runs=[run.name for run in group], arms=_ARMS), weight
        )
        for weight, group in runs.items()
    )
    result_page.write(
        f"""# Classes that are aligned already

Drawn street scenes (gin_configs/clan/scenes.gin) in which {" and ".join(_ALIGNED.value)} look the
same in both domains. IoU on the target in percent: mean ± standard deviation over
{len(_SEEDS.value)} seeds. Changes are paired, with the p-value of a t-test. The checkpoint is
chosen without labels.

{sections}
    ./bazelw run //benchmarks:aligned_classes -- --seeds={",".join(_SEEDS.value)} \\
        --aligned={",".join(_ALIGNED.value)} --lambdas={",".join(_LAMBDAS.value)} \\
        --output={result_page.output()}
""",
        sweep,
    )


if __name__ == "__main__":
    result_page.run(main)
