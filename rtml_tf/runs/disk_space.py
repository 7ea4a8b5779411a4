"""Whether the disk has room for what a run will write, asked before the run starts."""

import os
import pathlib
import resource
from collections.abc import Iterable

import tensorflow as tf

from rtml_tf.models.training_model import TrainingModel
from rtml_tf.runs.run_folder import RunFolder, RunFolderError

# Two checkpoints are kept while a third is written, and one network while the next is written.
_CHECKPOINTS, _NETWORKS = 3, 2
_LOGS = 16 << 20  # Bytes for logs, figures and pictures, with a margin.


def check_disk_space(
    folder: RunFolder, model: TrainingModel, callbacks: Iterable[tf.keras.callbacks.Callback] = ()
) -> None:
    """Refuses to start a run that the disk will not hold, or whose files are larger than allowed.

    Args:
        folder: The run folder. What it holds already counts as written.
        model: The model, compiled and prepared.
        callbacks: Those that keep networks say how many, as `networks_kept`.

    Raises:
        RunFolderError: If there is too little room; the message says how much is needed, for what.
    """
    checkpoint, network = _bytes(_saved_variables(model)), _bytes(model.finished_network.weights)
    checkpoint += sum(rows.bytes_elsewhere for rows in model.sharded_rows)
    written = sum(file.stat().st_size for file in folder.checkpoints.glob("*") if file.is_file())
    networks = _NETWORKS + sum(getattr(callback, "networks_kept", 0) for callback in callbacks)
    needed = _CHECKPOINTS * checkpoint + networks * network + _LOGS - written
    disk = _first_existing(folder.path)
    status = os.statvfs(disk)
    free = status.f_bavail * status.f_frsize
    if free < needed:
        raise RunFolderError(
            f"the run needs {_megabytes(needed)} in {folder.path} ({_CHECKPOINTS} checkpoints of "
            f"{_megabytes(checkpoint)}, {networks} networks of {_megabytes(network)}, "
            f"{_megabytes(_LOGS)} for the rest), but the disk of {disk} has {_megabytes(free)} "
            "free. Make room, or choose a --run_dir on another disk."
        )
    allowed, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if allowed != resource.RLIM_INFINITY and allowed < max(checkpoint, network):
        raise RunFolderError(
            f"the largest file of the run takes {_megabytes(max(checkpoint, network))}, but this "
            f"process may only write files of up to {_megabytes(allowed)} (see `ulimit -f`)."
        )


def _saved_variables(model: TrainingModel) -> list[tf.Variable]:
    optimizers = [optimizer for optimizer, _ in model.optimizers_and_variables()]
    of_optimizers = []
    for optimizer in optimizers:
        variables = optimizer.variables
        # A property of Keras's optimizers, a method of those of the older interface.
        of_optimizers += variables() if callable(variables) else variables
    return list({id(v): v for v in (*model.variables, *of_optimizers)}.values())


def _bytes(variables: list[tf.Variable]) -> int:
    return sum(variable.shape.num_elements() * variable.dtype.size for variable in variables)


def _first_existing(path: pathlib.Path) -> pathlib.Path:
    """The path itself or the folder that it will be made in."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
