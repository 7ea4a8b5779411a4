"""Retrieval of unseen handwritten characters with each loss: a table over seeds, and a plot.

    ./bazelw run //benchmarks:omniglot_losses -- --omniglot=/path/to/omniglot_small \
        --output=docs/results/omniglot_losses.md

Every run is the configuration gin_configs/metric/omniglot.gin with one loss and one seed. Runs that
are recorded beside the output (`.json`) are not made again, so the command goes on where it was
stopped.
"""

import os
import pathlib

import matplotlib
import numpy as np
from absl import flags

from benchmarks import result_page
from benchmarks.sweep import Run, Sweep
from benchmarks.tables import spread

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # pylint: disable=wrong-import-position

_OMNIGLOT = flags.DEFINE_string(
    "omniglot", None, "The folder that holds train and test.", required=True
)
_LOSSES = flags.DEFINE_list(
    "losses",
    ["multi_similarity", "proxy_anchor", "arcface", "triplet_semi_hard"],
    "Names of files in gin_configs/losses.",
)
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of weights, batches and augmentation.")
_FIGURES = ("networks", "trained", "unseen classes")


def _run(loss: str, seed: str) -> Run:
    return Run(
        name=f"{loss}_{seed}",
        gin_files=["gin_configs/metric/omniglot.gin", f"gin_configs/losses/{loss}.gin"],
        parameters=[f"OMNIGLOT = {os.path.abspath(_OMNIGLOT.value)!r}", f"SEED = {seed}"],
    )


def _table(sweep: Sweep) -> str:
    lines = [
        "| loss | Recall@1, % | MAP@R, % | Recall@1 of the seeds | minutes a run |",
        "|---|---|---|---|---|",
    ]
    for loss in _LOSSES.value:
        names = [f"{loss}_{seed}" for seed in _SEEDS.value]
        recalls = sweep.values(names, *_FIGURES, "recall@1")
        lines.append(
            f"| {loss} | {spread(recalls)} | {spread(sweep.values(names, *_FIGURES, 'map@r'))} | "
            f"{', '.join(f'{recall:.1f}' for recall in recalls)} | {sweep.minutes(names):.1f} |"
        )
    raw = sweep.records[names[0]]["networks"]["raw pixels"]["unseen classes"]
    lines.append(
        f"| none: raw pixels | {100 * raw['recall@1']:.1f} | {100 * raw['map@r']:.1f} | | |"
    )
    return "\n".join(lines)


def _plot(sweep: Sweep, path: pathlib.Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for row, loss in enumerate(reversed(_LOSSES.value)):
        names = [f"{loss}_{seed}" for seed in _SEEDS.value]
        recalls = sweep.values(names, *_FIGURES, "recall@1")
        axes.plot(recalls, [row] * len(recalls), "o", color="tab:blue", alpha=0.6)
        axes.plot(np.mean(recalls), row, "|", color="black", markersize=18)
    axes.set_yticks(range(len(_LOSSES.value)), list(reversed(_LOSSES.value)))
    axes.set_xlabel("Recall@1 on unseen characters, % (dots: seeds; bar: mean)")
    axes.grid(axis="x", alpha=0.4)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Makes the missing runs, then writes the table and the plot."""
    sweep = result_page.open_sweep("omniglot_losses")
    sweep.make([_run(loss, seed) for loss in _LOSSES.value for seed in _SEEDS.value])
    _plot(sweep, result_page.plot())
    result_page.write(
        f"""# Losses on Omniglot

Recall@1 and MAP@R on the 106 characters of the test alphabets, none of which was trained on (2,120
images, each a query in the gallery of all others). Mean ± standard deviation over seeds
{", ".join(_SEEDS.value)}. The network of each run was chosen by its validation characters.

{_table(sweep)}

![Recall@1 of each seed]({result_page.plot().name})

    ./bazelw run //benchmarks:omniglot_losses -- --omniglot=omniglot_small \\
        --losses={",".join(_LOSSES.value)} --seeds={",".join(_SEEDS.value)} \\
        --output={result_page.output()}
""",
        sweep,
    )


if __name__ == "__main__":
    result_page.run(main)
