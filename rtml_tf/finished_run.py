"""The run that evaluation and export read: its configuration, and the flags that they share."""

import pathlib
from typing import Any

from absl import flags

from rtml_tf.configuration import ConfigurationError
from rtml_tf.runs.run_folder import RunFolder, read_json

OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "The folder to write. The default of an export is `export` beside the network; that of an "
    "evaluation is, in the folder of the run, `evaluations/<name of the last gin file>`, or "
    "`evaluations/again` without one.",
)
UNFINISHED = flags.DEFINE_bool(
    "unfinished", False, "Take the best network so far of a run that has not finished."
)


def check_finished(folder: RunFolder) -> None:
    """Refuses a folder without a network, and a run that may yet find a better one.

    Raises:
        ConfigurationError: If there is no network, or the run has not finished and `--unfinished`
            is not given.
    """
    if not folder.network.is_file():
        missing = f"{folder.path} has no {folder.network.name}: it "
        stages = sorted(file.parent.name for file in folder.path.glob(f"*/{folder.network.name}"))
        if stages:
            raise ConfigurationError(
                f"{missing}has stages, expected the folder of one of them: {', '.join(stages)}."
            )
        raise ConfigurationError(f"{missing}is not the folder of a finished run.")
    if not (folder.finished or UNFINISHED.value):
        raise ConfigurationError(
            f"the run in {folder.path} has not finished, expected {folder.metrics.name} beside its "
            f"{folder.network.name}. The command that began it goes on with it; --unfinished takes "
            "its best network so far."
        )


def configuration_files(folder: RunFolder) -> list[str]:
    """The gin files of a run. A stage's own lacks what only later stages use."""
    return [str(file) for file in (_config_of_stages(folder), folder.config) if file is not None]


def provenance(folder: RunFolder, network_file: pathlib.Path) -> dict[str, Any]:
    """How a network was made, as far as it is known.

    Args:
        folder: A run folder.
        network_file: The network of that run, whose figures and command are then given (of a stage
            that of the whole run, where it lies beside), or any other network.
    """
    made: dict[str, Any] = {"network_file": str(network_file)}
    if not is_network_of(folder, network_file):
        return made
    of_stages = _config_of_stages(folder)
    if folder.is_of_stages:
        made["stage"] = folder.path.resolve().name
    if of_stages is not None:
        made["command"] = f"rtml-train --gin_file={of_stages}"
    elif "stage" not in made:
        made["command"] = f"rtml-train --gin_file={folder.config}"
    if folder.finished:
        made["figures"] = read_json(folder.metrics)["networks"]
    else:
        made["unfinished"] = True
    return made


def is_network_of(folder: RunFolder, network_file: pathlib.Path) -> bool:
    """Whether a network is the one that a run has left, or has found so far."""
    return folder.config.exists() and network_file.resolve() == folder.network.resolve()


def _config_of_stages(folder: RunFolder) -> pathlib.Path | None:
    """The configuration of the run that a folder is a stage of, if there is one."""
    above = RunFolder(folder.path.resolve().parent)
    if not (folder.is_of_stages and above.is_of_stages) or above.network.exists():
        return None
    return above.config
