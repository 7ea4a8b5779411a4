"""Category-level adversaries for embeddings: from drawn glyphs to corrupted ones without labels.

    ./bazelw run //benchmarks:embedding_adaptation -- \
        --output=docs/results/embedding_adaptation.md

The stages of gin_configs/clan/embedding_glyphs.gin, over seeds. Runs that are recorded beside the
output (`.json`) are not made again.
"""

from absl import flags

from benchmarks import result_page
from benchmarks.sweep import Run, Sweep
from benchmarks.tables import difference, markdown_table, spread

_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2", "3", "4"], "Seeds of weights and batches.")

_STAGES = {
    "start": "the source metric",
    "source_only": "source only",
    "plain": "plain adversarial (DANN)",
    "clan": "CLAN",
    "clan_domains": "CLAN, batch norm by domain",
}
_EVALUATION = "unseen classes"


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
    runs = [
        Run(
            f"seed{seed}",
            ["gin_configs/clan/embedding_glyphs.gin"],
            [
                f"SEED = {seed}",
                "training.train.baselines = None",
                "training.train.evaluate_untrained = False",
                "training.train.artefacts = []",
            ],
        )
        for seed in _SEEDS.value
    ]
    sweep.make(runs)
    result_page.write(
        f"""# Embeddings adapted to images without labels

A metric of drawn glyphs, adapted to corrupted ones (noise, blur, occlusion, low resolution) of
other classes, without labels. Retrieval on corrupted glyphs of classes that no stage has seen, in
percent: mean ± standard deviation over {len(_SEEDS.value)} seeds. All stages but the first go on
from it for 500 steps. Changes are paired, with the p-value of a t-test.

{_table(sweep, [run.name for run in runs])}

    ./bazelw run //benchmarks:embedding_adaptation -- --seeds={",".join(_SEEDS.value)} \\
        --output={result_page.output()}
"""
    )


if __name__ == "__main__":
    result_page.run(main)
