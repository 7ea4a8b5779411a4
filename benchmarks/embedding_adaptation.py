"""Category-level adversaries for embeddings: from drawn glyphs to corrupted ones without labels.

    ./bazelw run //benchmarks:embedding_adaptation -- \
        --output=docs/results/embedding_adaptation.md

The stages of gin_configs/clan/embedding_glyphs.gin, over seeds. The weight of the adversary is
chosen beforehand, with a seed of its own, on validation classes. Runs that are recorded beside the
output (`.json`) are not made again.
"""

from absl import flags

from benchmarks import result_page
from benchmarks.sweep import Run, Sweep
from benchmarks.tables import difference, markdown_table, spread
from benchmarks.weight_choice import SEED_OF_CHOICE, WeightChoice, run_of_choice

_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2", "3", "4"], "Seeds of weights and batches.")
_LAMBDAS = flags.DEFINE_list("lambdas", ["0.03", "0.1", "0.3"], "Candidates of lambda_adv.")

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
    candidates = {w: run_of_choice(w, _run(SEED_OF_CHOICE, w)) for w in _LAMBDAS.value}
    choice = WeightChoice(sweep, candidates, evaluation=_EVALUATION, figure="recall@1")
    runs = [_run(seed, choice.weight) for seed in _SEEDS.value]
    sweep.make(runs)
    result_page.write(
        f"""# Embeddings adapted to images without labels

A metric of drawn glyphs, adapted to corrupted ones (noise, blur, occlusion, low resolution) of
other classes, without labels. Retrieval on corrupted glyphs of classes that no stage has seen, in
percent: mean ± standard deviation over {len(_SEEDS.value)} seeds. All stages but the first go on
from it for 500 steps. Changes are paired, with the p-value of a t-test.

{_table(sweep, [run.name for run in runs])}

lambda_adv was chosen by the mean Recall@1 of two methods on validation classes, seed
{SEED_OF_CHOICE}:

{choice.table(_STAGES)}

    ./bazelw run //benchmarks:embedding_adaptation -- --seeds={",".join(_SEEDS.value)} \\
        --lambdas={",".join(_LAMBDAS.value)} --output={result_page.output()}
""",
        sweep,
    )


if __name__ == "__main__":
    result_page.run(main)
