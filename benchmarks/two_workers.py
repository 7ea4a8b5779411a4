"""Do two programs train what one trains? The robust source metric of RMT on faces, over seeds.

    ./bazelw run //benchmarks:two_workers -- --lfw=/path/to/lfw112 \
        --output=docs/results/two_workers.md

One program, and two programs over loopback that divide each batch, take the same steps of
gin_configs/rmt/source_joint_fgsm.gin. Runs that are recorded beside the output (`.json`) are not
made again.
"""

from absl import flags

from benchmarks import faces, result_page
from benchmarks.sweep import Run, Sweep
from benchmarks.tables import difference, markdown_table, spread

_LFW = flags.DEFINE_string(
    "lfw", None, "The folder that holds the people and pairs.txt.", required=True
)
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of weights and batches.")
_EPSILON = flags.DEFINE_float("epsilon", 2.0, "Of the training, of 255.")
_EPOCHS = flags.DEFINE_integer("epochs", 10, "Of 100 steps each.")

_WORKERS = (1, 2)
_FIGURES = {
    "clean": ("faces", "accuracy"),
    "at 4/255": ("faces, attacked", "accuracy at 4/255"),
    "at 8/255": ("faces, attacked", "accuracy at 8/255"),
}


def _run(workers: int, seed: str) -> Run:
    return Run(
        f"workers{workers}_seed{seed}",
        [
            "gin_configs/rmt/source_joint_fgsm.gin",
            "gin_configs/data/lfw.gin",
            "gin_configs/networks/imagenet_resnet.gin",
        ],
        [
            *faces.lfw_parameters(_LFW.value),
            *faces.TEACHER,
            f"EPSILON = {_EPSILON.value / 255:.8f}",
            "epsilon/tf.keras.optimizers.schedules.PolynomialDecay.decay_steps = 300",
            "batches.TrainingBatches.steps_per_epoch = 100",
            f"training.train.epochs = {_EPOCHS.value}",
            "training.train.baselines = None",
            "training.train.evaluate_untrained = False",
            "training.train.artefacts = []",
            "training.train.callbacks = []",
            f"SEED = {seed}",
        ],
        workers=workers,
    )


def _table(sweep: Sweep) -> str:
    values = {
        workers: [
            sweep.values(
                [_run(workers, s).name for s in _SEEDS.value], "networks", "trained", *path
            )
            for path in _FIGURES.values()
        ]
        for workers in _WORKERS
    }
    rows = []
    for workers, figures in values.items():
        minutes = sweep.minutes([_run(workers, seed).name for seed in _SEEDS.value])
        rows.append([str(workers), *map(spread, figures), f"{minutes:.1f}"])
    rows.append(["change", *map(difference, values[2], values[1]), ""])
    return markdown_table(["programs", *_FIGURES, "minutes"], rows, words=1)


def main() -> None:
    """Makes the missing runs, then writes the table."""
    sweep = result_page.open_sweep("two_workers")
    sweep.make([_run(workers, seed) for workers in _WORKERS for seed in _SEEDS.value])
    result_page.write(
        f"""# Two programs train one network

The source metric of RMT on faces by joint adversarial training (FGSM at {_EPSILON.value:g}/255,
{100 * _EPOCHS.value} steps) in one program, and in two that divide each batch, each on one thread.
Batch norms normalise by the rows of each program; everything else is the same step. Verification
accuracy on unseen people, in percent: mean ± standard deviation over {len(_SEEDS.value)} seeds, and
paired changes with the p-value of a t-test. "At" is projected gradient descent in 32 steps on 200
pairs.

{_table(sweep)}

    ./bazelw run //benchmarks:two_workers -- --lfw=lfw112 --seeds={",".join(_SEEDS.value)} \\
        --epsilon={_EPSILON.value:g} --epochs={_EPOCHS.value} --output={result_page.output()}
""",
        sweep,
    )


if __name__ == "__main__":
    result_page.run(main)
