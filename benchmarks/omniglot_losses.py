"""Retrieval of unseen handwritten characters with each loss: a table over seeds, and a plot.

    ./bazelw run //benchmarks:omniglot_losses -- --omniglot=/path/to/omniglot_small \
        --output=docs/results/omniglot_losses.md

Every run is the configuration gin_configs/metric/omniglot.gin with one loss and one seed. Runs that
are finished already are not made again, so the command goes on where it was stopped.
"""

import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import matplotlib
import numpy as np
from absl import app, flags

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
_WORK_DIR = flags.DEFINE_string("work_dir", "runs/omniglot_losses", "Where the run folders go.")
_PROCESSES = flags.DEFINE_integer("processes", os.cpu_count(), "Runs at once, each on one thread.")
_OUTPUT = flags.DEFINE_string("output", None, "The Markdown file to write.", required=True)


def _start(loss: str, seed: str, folder: pathlib.Path) -> subprocess.Popen:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".log"), "a", encoding="utf-8") as log:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "rtml_tf.train",
                "--gin_file=gin_configs/metric/omniglot.gin",
                f"--gin_file=gin_configs/losses/{loss}.gin",
                f"--gin_param=OMNIGLOT = {os.path.abspath(_OMNIGLOT.value)!r}",
                f"--gin_param=SEED = {seed}",
                "--gin_param=runtime.configure.threads = 1",
                f"--run_dir={folder}",
            ],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _run_all(folders: dict[tuple[str, str], pathlib.Path]) -> None:
    waiting, running = list(folders.items()), []
    while waiting or running:
        while waiting and len(running) < _PROCESSES.value:
            (loss, seed), folder = waiting.pop(0)
            if not (folder / "metrics.json").exists():
                print(f"{loss}, seed {seed}", flush=True)
                running.append((folder, _start(loss, seed, folder)))
        if running:
            folder, process = running.pop(0)
            if process.wait() != 0:
                raise RuntimeError(f"the run {folder} failed; see {folder.with_suffix('.log')}.")


def _spread(values: list[float]) -> str:
    return f"{100 * np.mean(values):.1f} ± {100 * np.std(values, ddof=1):.1f}"


def _table(metrics: dict[tuple[str, str], dict]) -> str:
    lines = [
        "| loss | Recall@1, % | MAP@R, % | Recall@1 of the seeds | minutes a run |",
        "|---|---|---|---|---|",
    ]
    first = next(iter(metrics.values()))["networks"]["raw pixels"]["unseen classes"]
    for loss in _LOSSES.value:
        runs = [metrics[loss, seed] for seed in _SEEDS.value]
        figures = [run["networks"]["trained"]["unseen classes"] for run in runs]
        recalls = [figure["recall@1"] for figure in figures]
        minutes = np.mean([run["training"]["seconds"] for run in runs]) / 60
        lines.append(
            f"| {loss} | {_spread(recalls)} | {_spread([f['map@r'] for f in figures])} | "
            f"{', '.join(f'{100 * r:.1f}' for r in recalls)} | {minutes:.1f} |"
        )
    lines.append(
        f"| none: raw pixels | {100 * first['recall@1']:.1f} | {100 * first['map@r']:.1f} | | |"
    )
    return "\n".join(lines)


def _plot(metrics: dict[tuple[str, str], dict], path: pathlib.Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for row, loss in enumerate(reversed(_LOSSES.value)):
        recalls = [
            100 * metrics[loss, seed]["networks"]["trained"]["unseen classes"]["recall@1"]
            for seed in _SEEDS.value
        ]
        axes.plot(recalls, [row] * len(recalls), "o", color="tab:blue", alpha=0.6)
        axes.plot(np.mean(recalls), row, "|", color="black", markersize=18)
    axes.set_yticks(range(len(_LOSSES.value)), list(reversed(_LOSSES.value)))
    axes.set_xlabel("Recall@1 on unseen characters, % (dots: seeds; bar: mean)")
    axes.grid(axis="x", alpha=0.4)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(argv: list[str]) -> None:
    """Makes the missing runs, then writes the table and the plot."""
    del argv
    os.chdir(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    folders = {
        (loss, seed): pathlib.Path(_WORK_DIR.value, f"{loss}_{seed}")
        for loss in _LOSSES.value
        for seed in _SEEDS.value
    }
    _run_all(folders)
    metrics = {
        key: json.loads((folder / "metrics.json").read_text()) for key, folder in folders.items()
    }
    output = pathlib.Path(_OUTPUT.value)
    output.parent.mkdir(parents=True, exist_ok=True)
    plot = output.with_suffix(".png")
    _plot(metrics, plot)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    output.write_text(
        f"""# Losses on Omniglot

Recall@1 and MAP@R on the 106 characters of the test alphabets, none of which was trained on (2,120
images, each a query in the gallery of all others). Mean ± standard deviation over seeds
{", ".join(_SEEDS.value)}. The network of each run was chosen by its validation characters.

{_table(metrics)}

![Recall@1 of each seed]({plot.name})

    ./bazelw run //benchmarks:omniglot_losses -- --omniglot=omniglot_small \\
        --losses={",".join(_LOSSES.value)} --seeds={",".join(_SEEDS.value)} --output={output}

Commit {commit}, {datetime.date.today()}, {os.cpu_count()} cores ({platform.machine()}),
{_PROCESSES.value} runs at a time on one thread each.
""",
        encoding="utf-8",
    )
    print(f"Written to {output}.")


if __name__ == "__main__":
    app.run(main)
