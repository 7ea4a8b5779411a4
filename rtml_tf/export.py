"""Exports a trained network: `export --run_dir=runs/quickstart/joint`.

What is exported, and how it is proved, is in a gin file on top of the run's own; without one it is
`gin_configs/deployment/export.gin`. The files, the report and the model card go to the folder
`export` beside the network. A network file without a run folder takes gin files that name its data.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from rtml_tf import command_line, configuration, finished_run
from rtml_tf.deployment import exporting
from rtml_tf.networks.saving import load_network
from rtml_tf.runs.report import figures_table
from rtml_tf.runs.run_folder import RunFolder
from rtml_tf.runs.stages import Stages

_DEFAULTS = "gin_configs/deployment/export.gin"

NETWORK_FILE = flags.DEFINE_string(
    "network_file", None, "A .keras file. The default is the network of the run folder."
)


def main(argv: Sequence[str]) -> int:
    """Reads the configuration, exports and prints the figures."""
    del argv
    if command_line.RUN_DIR.value is None and NETWORK_FILE.value is None:
        raise configuration.ConfigurationError(
            "nothing to export given, expected --run_dir=... or --network_file=..."
        )
    folder = RunFolder(command_line.RUN_DIR.value or pathlib.Path(NETWORK_FILE.value).parent)
    network_file = pathlib.Path(NETWORK_FILE.value or folder.network)
    if NETWORK_FILE.value is not None and not network_file.is_file():
        raise configuration.ConfigurationError(
            f"there is no {network_file}: --network_file takes a .keras file."
        )
    if NETWORK_FILE.value is None or finished_run.is_network_of(folder, network_file):
        finished_run.check_finished(folder)
    files = [] if command_line.GIN_FILES.value else [_DEFAULTS]
    run_files = []
    if command_line.RUN_DIR.value is not None:
        run_files = finished_run.configuration_files(folder)
    command_line.configure_from_flags(files, run_files=run_files)
    command_line.start_runtime()
    output = finished_run.OUTPUT.value or str(network_file.parent / "export")
    # What an evaluation takes from other stages lies beside this one's folder.
    with Stages(folder.path.resolve().parent):
        report = configuration.configured(exporting.export)(
            run_dir=output,
            network=load_network(network_file),
            provenance=finished_run.provenance(folder, network_file),
            describe_config=configuration.resolved,
        )
    network = {"network": report["network"]["figures"]}
    print(figures_table(network | report["networks"]))
    print(f"Written to {output}.")
    return 0


def run_main() -> None:
    """Entry point of the console script."""
    command_line.run(main)


if __name__ == "__main__":
    run_main()
