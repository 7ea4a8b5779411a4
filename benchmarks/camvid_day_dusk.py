"""Road scenes from day to dusk: category-level adversaries beside everything simpler.

    ./bazelw run //benchmarks:camvid_day_dusk -- --camvid=/path/to/camvid \
        --output=docs/results/camvid_day_dusk.md

The arms go on from one network that was trained on labelled frames by day, for as many steps, with
unlabelled frames of the first half of the drive at dusk; figures are those of its last half, over
seeds. The weight of the adversary is chosen beforehand, with a seed of its own, on validation
frames between the two halves; all other settings are those of gin_configs/clan. Runs that are
recorded beside the output (`.json`) are not made again, and a run that is killed goes on with the
arm it was at.
"""

import os
import pathlib

import matplotlib
from absl import flags

from benchmarks import result_page
from benchmarks.sweep import Run
from benchmarks.weight_choice import SEED_OF_CHOICE, WeightChoice, run_of_choice

matplotlib.use("Agg")
# pylint: disable=wrong-import-position
from benchmarks.adaptation_results import AdaptationResults, choices_and_curves

_CAMVID = flags.DEFINE_string(
    "camvid", None, "The folder that holds train, val and test.", required=True
)
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2", "3", "4"], "Seeds of weights and batches.")
_STEPS = flags.DEFINE_integer("steps", 1_000, "Of the start, and of every arm after it.")
_LAMBDAS = flags.DEFINE_list("lambdas", ["0.1", "0.3", "1.0"], "Candidates of lambda_adv.")

_EPOCHS = 10
_ARMS = {
    "source_only": "source only",
    "colour": "colour augmentation",
    "adabn": "AdaBN",
    "plain": "plain adversarial",
    "advent": "AdvEnt",
    "clan": "CLAN, reversal",
    "clan_alternating": "CLAN, alternating",
    "clan_domains": "CLAN, batch norm by domain",
    "ceiling": "labelled target",
}


def _run(seed: str, weight: str) -> Run:
    return Run(
        f"seed{seed}",
        ["gin_configs/clan/comparison.gin", "gin_configs/data/camvid_day_dusk.gin"],
        [
            f"CAMVID = {os.path.abspath(_CAMVID.value)!r}",
            "LABELLED_TARGET = @target/cached_segmentation.CachedSegmentation()",
            f"SEED = {seed}",
            f"LAMBDA_ADV = {weight}",
            f"STEPS = {_STEPS.value}",
            f"WARM_UP_STEPS = {_STEPS.value // 20}",
            f"training.train.epochs = {_EPOCHS}",
            f"unpaired_batches.UnpairedBatches.steps_per_epoch = {_STEPS.value // _EPOCHS}",
        ],
    )


def _remembered(folder: pathlib.Path) -> dict:
    return choices_and_curves([arm for arm in _ARMS if (folder / arm).exists()])(folder)


def main() -> None:
    """Makes the missing runs, then writes the tables and the plot."""
    sweep = result_page.open_sweep("camvid_day_dusk", more=_remembered)
    candidates = {w: run_of_choice(w, _run(SEED_OF_CHOICE, w)) for w in _LAMBDAS.value}
    choice = WeightChoice(sweep, candidates, evaluation="target", figure="miou")
    runs = [_run(seed, choice.weight) for seed in _SEEDS.value]
    sweep.make(runs)
    results = AdaptationResults(sweep=sweep, runs=[run.name for run in runs], arms=_ARMS)
    results.plot(result_page.plot())
    result_page.write(
        f"""# From day to dusk

CamVid at 96x128: 577 frames by day with masks, 46 at dusk without; figures are those of the last
62 frames at dusk, at full resolution, in percent: mean ± standard deviation over
{len(_SEEDS.value)} seeds. Every arm takes {_STEPS.value} steps from a start of as many on the
source. Changes are paired, with the p-value of a t-test. The checkpoint is chosen without labels.

{results.overall("source_only", "plain")}

IoU by class:

{results.classes()}

mIoU of the checkpoint that other ways to choose would have given; "last" and "best by labels" (of
16 validation frames between the two halves) are moving averages as the label-free one is:

{results.choices()}

![mIoU over the steps]({result_page.plot().name})

lambda_adv was chosen by the mean mIoU of two methods on the validation frames, seed
{SEED_OF_CHOICE}:

{choice.table(_ARMS)}

    ./bazelw run //benchmarks:camvid_day_dusk -- --camvid=camvid \\
        --seeds={",".join(_SEEDS.value)} --steps={_STEPS.value} \\
        --lambdas={",".join(_LAMBDAS.value)} --output={result_page.output()}
""",
        sweep,
    )


if __name__ == "__main__":
    result_page.run(main)
