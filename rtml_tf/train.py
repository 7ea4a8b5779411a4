"""Trains what gin files describe: `train --gin_file=gin_configs/quickstart.gin`."""

import pathlib
from collections.abc import Sequence

from absl import flags

from rtml_tf import command_line, configuration
from rtml_tf.runs import pipeline, runtime, training
from rtml_tf.runs.report import closing_report
from rtml_tf.runs.strategies import check_cluster_is_used, join_cluster

DRY_RUN = flags.DEFINE_bool(
    "dry_run", False, "Build everything, show the network's size and the configuration, and stop."
)
WORKERS = flags.DEFINE_list(
    "workers",
    None,
    "host:port of every machine that trains this run, the same list everywhere; for a strategy "
    "with several workers. The environment variable TF_CONFIG says the same.",
)
WORKER_INDEX = flags.DEFINE_integer(
    "worker_index", None, "Which of --workers this program is, from 0.", lower_bound=0
)


def main(argv: Sequence[str]) -> int:
    """Reads the configuration, builds the run and trains."""
    del argv
    files = command_line.GIN_FILES.value
    if not files:
        raise configuration.ConfigurationError(
            "no experiment given, expected --gin_file=..., for example "
            "--gin_file=gin_configs/quickstart.gin."
        )
    if (WORKERS.value is None) != (WORKER_INDEX.value is None):
        raise configuration.ConfigurationError("--workers and --worker_index go together.")
    if WORKERS.value is not None:
        join_cluster(workers=WORKERS.value, index=WORKER_INDEX.value)
    command_line.configure_from_flags()
    command_line.start_runtime()
    run = pipeline.run if configuration.is_bound("pipeline.run.stages") else training.train
    run_dir = command_line.RUN_DIR.value or str(pathlib.Path("runs", pathlib.Path(files[0]).stem))
    whole = {"whole_config": configuration.whole()} if run is pipeline.run else {}
    with configuration.configured(runtime.distributed)():
        check_cluster_is_used(workers=WORKERS.value)
        try:
            metrics = configuration.configured(run)(
                run_dir=run_dir,
                describe_config=configuration.resolved,
                dry_run=DRY_RUN.value,
                **whole,
            )
        except training.RunInterrupted as interrupted:
            print(str(interrupted).splitlines()[0])  # Gin adds where in the configuration it was.
            return 128 + interrupted.signal
        if not DRY_RUN.value:
            print(closing_report(metrics, run_dir))
    return 0


def run_main() -> None:
    """Entry point of the console script."""
    command_line.run(main, goes_on=True)


if __name__ == "__main__":
    run_main()
