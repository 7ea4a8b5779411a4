"""Trains what gin files describe: `train --gin_file=gin_configs/quickstart.gin`."""

import pathlib
from collections.abc import Sequence

from absl import flags

from rtml_tf import command_line, configuration
from rtml_tf.runs import pipeline, training
from rtml_tf.runs.report import closing_report

RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "The run folder. The default is runs/<name of the first gin file>. Given again, a run that "
    "was stopped goes on, a finished one shows its figures.",
)
DRY_RUN = flags.DEFINE_bool(
    "dry_run", False, "Build everything, show the network's size and the configuration, and stop."
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
    command_line.configure_from_flags()
    command_line.start_runtime()
    run = pipeline.run if configuration.is_bound("pipeline.run.stages") else training.train
    run_dir = RUN_DIR.value or str(pathlib.Path("runs", pathlib.Path(files[0]).stem))
    try:
        metrics = configuration.configured(run)(
            run_dir=run_dir, describe_config=configuration.resolved, dry_run=DRY_RUN.value
        )
    except training.RunInterrupted as interrupted:
        print(str(interrupted).splitlines()[0])  # Gin adds where in the configuration it was.
        return 128 + interrupted.signal
    if metrics is not None:
        print(closing_report(metrics, run_dir))
    return 0


def run_main() -> None:
    """Entry point of the console script."""
    command_line.run(main)


if __name__ == "__main__":
    run_main()
