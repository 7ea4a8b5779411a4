"""Evaluates a trained network: `evaluate --run_dir=runs/quickstart/joint`.

With a run folder alone the evaluations are those that the run itself ended with. A gin file on
top of it may bind `EVALUATIONS` or `evaluating.evaluate.evaluations` to others. The figures go to
a folder of their own below that of the run, see `--output`. Without a run folder a gin file names
the network too (`evaluating.evaluate.network_file`).

`--gin_file=gin_configs/distribution/mirrored.gin` on top divides the work among the GPUs of this
machine. On what devices a run was trained does not matter.
"""

import pathlib
from collections.abc import Sequence

from rtml_tf import command_line, configuration, finished_run, own_evaluations
from rtml_tf.runs import evaluating, runtime
from rtml_tf.runs.run_folder import RunFolder
from rtml_tf.runs.stages import Stages

_ONE_DEVICE = "gin_configs/distribution/one_device.gin"


def main(argv: Sequence[str]) -> int:
    """Reads the configuration, evaluates and writes the figures."""
    del argv
    if command_line.RUN_DIR.value is None:
        if not command_line.GIN_FILES.value:
            raise configuration.ConfigurationError(
                "nothing to evaluate given, expected --run_dir=... or --gin_file=..."
            )
        command_line.configure_from_flags()
        command_line.start_runtime()
        with configuration.configured(runtime.distributed)():
            configuration.configured(evaluating.evaluate)(
                describe_config=configuration.resolved, **_output()
            )
        return 0
    folder = RunFolder(command_line.RUN_DIR.value)
    finished_run.check_finished(folder)
    command_line.configure_from_flags(
        [_ONE_DEVICE], run_files=finished_run.configuration_files(folder)
    )
    if configuration.is_bound("evaluating.evaluate.network_file"):
        raise configuration.ConfigurationError(
            "evaluating.evaluate.network_file is bound and --run_dir is given, expected one of "
            "them."
        )
    scope = own_evaluations.bind_own_evaluations(folder.path.resolve().name)
    command_line.start_runtime()
    # What an evaluation takes from other stages lies beside this one's folder.
    stages = Stages(folder.path.resolve().parent)
    distributed = configuration.configured(runtime.distributed)()
    with distributed, stages, configuration.in_scope(scope):
        configuration.configured(evaluating.evaluate)(
            network_file=str(folder.network),
            unfinished=not folder.finished,
            describe_config=configuration.resolved,
            **_output(folder),
        )
    return 0


def _output(folder: RunFolder | None = None) -> dict[str, str]:
    """The folder that the flags ask for, as an argument, unless the configuration says it."""
    if finished_run.OUTPUT.value is not None:
        return {"output": finished_run.OUTPUT.value}
    if configuration.is_bound("evaluating.evaluate.output"):
        return {}
    if folder is None:
        raise configuration.ConfigurationError(
            "no folder for the figures given, expected --output=... or evaluating.evaluate.output."
        )
    files = command_line.GIN_FILES.value
    name = pathlib.Path(files[-1]).stem if files else "again"
    return {"output": str(folder.path / "evaluations" / name)}


def run_main() -> None:
    """Entry point of the console script."""
    command_line.run(main, goes_on=True)


if __name__ == "__main__":
    run_main()
