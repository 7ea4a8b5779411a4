"""How much memory a file takes while it runs."""

import multiprocessing
import multiprocessing.connection
import os
import pathlib
from collections.abc import Callable

import numpy as np

from rtml_tf.deployment.file_network import FileNetwork

_STATUS, _RESET = pathlib.Path("/proc/self/status"), pathlib.Path("/proc/self/clear_refs")
_CALLS = 3


def peak_memory(load: Callable[[], FileNetwork], image: np.ndarray) -> int | None:
    """Bytes by which a process grows at most while it loads a file and runs it.

    The process is a new one, in which nothing else runs: memory that another network has left
    would be taken again, and not be counted. TensorFlow, which it imports before, is not counted
    either; what a runtime allocates for its first file is.

    Args:
        load: Gives the file. It is pickled for the other process, and so is a function or a partial
            of one.
        image: float32 `[1, H, W, C]` in [0, 1].

    Returns:
        The bytes, or None on systems that do not tell: all but Linux, and some sandboxes.

    Raises:
        RuntimeError: If the file cannot be run there.
    """
    if not _STATUS.exists():
        return None
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    # Only its end of the connection tells that the process has ended without a word.
    process = context.Process(target=_measure, args=(theirs, load, image), daemon=True)
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError as error:
        raise RuntimeError("The process that ran the file has ended without a result.") from error
    finally:
        process.join()


def _measure(
    connection: multiprocessing.connection.Connection,
    load: Callable[[], FileNetwork],
    image: np.ndarray,
) -> None:
    before = _bytes("VmRSS")
    try:
        # From here on the peak is counted anew.
        _RESET.write_text("5", encoding="ascii")
    except OSError:
        before = None
    file = load()
    batch = np.repeat(image, file.batch_size or 1, axis=0)
    for _ in range(_CALLS):
        file.run(batch)
    connection.send(None if before is None else _bytes("VmHWM") - before)
    connection.close()
    # What TensorFlow does at the end of a process takes as long as the measurement.
    os._exit(0)


def _bytes(name: str) -> int:
    """A line of the status of this process, which is in kB."""
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return 1024 * int(value.split()[0])
    raise RuntimeError(f"{_STATUS} has no {name}.")
