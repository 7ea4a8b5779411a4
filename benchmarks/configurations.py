"""What the shipped configurations of RMT and MDProp reach as they are, on drawn characters.

    ./bazelw run //benchmarks:configurations -- --output=docs/results/configurations.md

Every file of gin_configs/rmt and gin_configs/mdprop that is run, with nothing changed but the seed;
what transfers has the source metric of source_joint_fgsm.gin with the same seed for its teacher.
Runs that are recorded beside the output (`.json`) are not made again.
"""

import pathlib

from absl import flags

from benchmarks import result_page
from benchmarks.sweep import Run, Sweep
from benchmarks.tables import markdown_table, spread

_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of everything that is drawn.")
_ONLY = flags.DEFINE_list("only", [], "Parts of names; empty: all configurations.")

_TEACHER = "rmt/source_joint_fgsm"
# A part of others, or made for other data; the pipeline is in deployed_students.md.
_NOT_RUN = ("base", "paper", "paper_sop", "pipeline")
_CLEAN, _ATTACKED = "unseen classes", ("unseen classes, attacked", "unseen classes, misranked")
_EPSILON = "8/255"


def _experiments() -> list[str]:
    """The teacher first, then all others."""
    files = [file for folder in ("rmt", "mdprop") for file in _files(folder)]
    wanted = [file for file in files if not _ONLY.value or any(x in file for x in _ONLY.value)]
    return sorted({_TEACHER, *wanted}, key=lambda file: (file != _TEACHER, files.index(file)))


def _files(folder: str) -> list[str]:
    files = sorted(pathlib.Path("gin_configs", folder).glob("*.gin"))
    return [f"{folder}/{file.stem}" for file in files if not file.stem.endswith(_NOT_RUN)]


def _name(experiment: str, seed: str) -> str:
    return f"{experiment.replace('/', '_')}_seed{seed}"


def _run(experiment: str, seed: str, sweep: Sweep) -> Run:
    parameters, needs = [f"SEED = {seed}"], []
    if "/transfer_" in experiment or "/classical_" in experiment:
        needs = [_name(_TEACHER, seed)]
        parameters.append(f"TEACHER_RUN = {str(sweep.folder(needs[0]).absolute())!r}")
    return Run(_name(experiment, seed), [f"gin_configs/{experiment}.gin"], parameters, needs=needs)


def _network(record: dict) -> str:
    """The name of the network that a run is for: neither a baseline nor an earlier stage."""
    others = ("raw pixels", "teacher", "untrained", "imitate")
    (name,) = (name for name in record["networks"] if name not in others)
    return name


def _row(experiment: str, sweep: Sweep) -> list[str]:
    names = [_name(experiment, seed) for seed in _SEEDS.value]
    network = _network(sweep.records[names[0]])

    def figure(evaluation: str, name: str) -> str:
        found = sweep.records[names[0]]["networks"][network].get(evaluation, {})
        return spread(sweep.values(names, "networks", network, evaluation, name)) if found else ""

    return [
        f"{experiment}.gin",
        figure(_CLEAN, "recall@1"),
        *(figure(evaluation, f"recall@1 at {_EPSILON}") for evaluation in _ATTACKED),
        f"{sweep.minutes(names):.1f}",
    ]


def main() -> None:
    """Makes the missing runs, then writes the table."""
    sweep = result_page.open_sweep("configurations")
    experiments = _experiments()
    sweep.make([_run(x, seed, sweep) for seed in _SEEDS.value for x in experiments])
    columns = ["configuration", "Recall@1", f"shifted, {_EPSILON}", f"misranked, {_EPSILON}"]
    rows = [_row(experiment, sweep) for experiment in experiments]
    teacher = sweep.records[_name(_TEACHER, _SEEDS.value[0])]
    classes = teacher["evaluations"][_CLEAN]["classes"]
    one, *more = _SEEDS.value
    seeds = f"mean ± standard deviation over {len(more) + 1} seeds" if more else f"seed {one}"
    result_page.write(
        f"""# The configurations as they are

Recall@1 on {classes} drawn characters that were not trained on, in percent: {seeds}.
Attacked is a sample of 200 queries: projected gradient descent in 32 steps shifts their embeddings,
or brings an image of another class first. Transferred networks, and those of classical methods,
have source_joint_fgsm.gin of the same seed for their teacher; what reads local binary patterns is
attacked through it. Labels are of all training classes, but of 10 % of them in transfer_labels.gin,
transfer_finetune.gin and transfer_yu_*.gin. Minutes are of training, without start and evaluation.

{markdown_table([*columns, "minutes"], rows, words=1)}

    ./bazelw run //benchmarks:configurations -- --seeds={",".join(_SEEDS.value)} \\
        --output={result_page.output()}
""",
        sweep,
    )


if __name__ == "__main__":
    result_page.run(main)
