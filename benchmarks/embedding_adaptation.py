"""Category-level adversaries for embeddings: from drawn glyphs to corrupted ones without labels.

    ./bazelw run //benchmarks:embedding_adaptation -- \
        --output=docs/results/embedding_adaptation.md

The stages of gin_configs/clan/embedding_glyphs.gin, over seeds. The weight of the adversary is
chosen beforehand, with a seed of its own, on validation classes. Runs that are recorded beside the
output (`.json`) are not made again.
"""

import numpy as np
from absl import flags

from benchmarks import result_page
from benchmarks.sweep import Run, Sweep
from benchmarks.tables import difference, markdown_table, spread

_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2", "3", "4"], "Seeds of weights and batches.")
_LAMBDAS = flags.DEFINE_list("lambdas", ["0.03", "0.1", "0.3"], "Candidates of lambda_adv.")

_SEED_OF_CHOICE = "100"
_CHOSEN_FOR = ("plain", "clan")  # by the mean of their figures
_STAGES = {
    "start": "the source metric",
    "source_only": "source only",
    "plain": "plain adversarial (DANN)",
    "clan": "CLAN",
    "clan_domains": "CLAN, batch norm by domain",
}
_EVALUATION = "unseen classes"


def _run(seed: str, weight: str) -> Run:
    return Run(
        f"seed{seed}",
        ["gin_configs/clan/embedding_glyphs.gin"],
        [
            f"SEED = {seed}",
            f"LAMBDA_ADV = {weight}",
            "training.train.baselines = None",
            "training.train.evaluate_untrained = False",
            "training.train.artefacts = []",
        ],
    )


def _run_of_choice(weight: str) -> Run:
    run = _run(_SEED_OF_CHOICE, weight)
    stages = (
        "[('start', @start/training.train), ('plain', @plain/training.train), "
        "('clan', @training.train)]"
    )
    return Run(
        f"choice_lambda{weight}",
        run.gin_files,
        [*run.parameters, "TEST = %VALIDATION", f"pipeline.run.stages = {stages}"],
    )


def _chosen_for(sweep: Sweep, weight: str) -> list[float]:
    """Recall@1 on validation classes, of each stage that lambda_adv is chosen for."""
    names = [_run_of_choice(weight).name]
    return [
        sweep.values(names, "networks", stage, _EVALUATION, "recall@1")[0] for stage in _CHOSEN_FOR
    ]


def _choices(sweep: Sweep, chosen: str) -> str:
    rows = [
        [
            weight,
            "chosen" if weight == chosen else "",
            *(f"{recall:.1f}" for recall in _chosen_for(sweep, weight)),
        ]
        for weight in _LAMBDAS.value
    ]
    return markdown_table(["lambda_adv", "", *map(_STAGES.get, _CHOSEN_FOR)], rows, words=2)


def _table(sweep: Sweep, names: list[str]) -> str:
    values = {
        stage: [
            sweep.values(names, "networks", stage, _EVALUATION, figure)
            for figure in ("recall@1", "map@r")
        ]
        for stage in _STAGES
    }
    rows = []
    for stage, title in _STAGES.items():
        recall, precision = values[stage]
        changes = [
            "" if stage in ("start", reference) else difference(recall, values[reference][0])
            for reference in ("source_only", "plain")
        ]
        rows.append([title, spread(recall), *changes, spread(precision)])
    columns = ["network", "Recall@1", "over source only", "over plain", "MAP@R"]
    return markdown_table(columns, rows, words=1)


def main() -> None:
    """Makes the missing runs, then writes the table."""
    sweep = result_page.open_sweep("embedding_adaptation")
    sweep.make([_run_of_choice(weight) for weight in _LAMBDAS.value])
    chosen = max(_LAMBDAS.value, key=lambda weight: np.mean(_chosen_for(sweep, weight)))
    runs = [_run(seed, chosen) for seed in _SEEDS.value]
    sweep.make(runs)
    result_page.write(
        f"""# Embeddings adapted to images without labels

A metric of drawn glyphs, adapted to corrupted ones (noise, blur, occlusion, low resolution) of
other classes, without labels. Retrieval on corrupted glyphs of classes that no stage has seen, in
percent: mean ± standard deviation over {len(_SEEDS.value)} seeds. All stages but the first go on
from it for 500 steps. Changes are paired, with the p-value of a t-test.

{_table(sweep, [run.name for run in runs])}

lambda_adv was chosen by the mean Recall@1 of two methods on validation classes, seed
{_SEED_OF_CHOICE}:

{_choices(sweep, chosen)}

    ./bazelw run //benchmarks:embedding_adaptation -- --seeds={",".join(_SEEDS.value)} \\
        --lambdas={",".join(_LAMBDAS.value)} --output={result_page.output()}
"""
    )


if __name__ == "__main__":
    result_page.run(main)
