"""Arrays that are made once and kept on disk."""

import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from absl import logging

from rtml_tf.whole_file import whole_file

_CHECKSUM = "sha256"


def default_directory() -> pathlib.Path:
    """`$RTML_TF_CACHE`, else `$XDG_CACHE_HOME/rtml_tf`, else `~/.cache/rtml_tf`."""
    own = os.environ.get("RTML_TF_CACHE")
    if own:
        return pathlib.Path(own)
    shared = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(shared) / "rtml_tf"


class ArrayCache:
    """Keeps named arrays in a directory, one `.npz` file for each set.

    The cache only saves time. Whatever is wrong with it, the arrays are made again: a damaged
    file is noticed by its checksum, replaced and logged; a directory that cannot be written is
    logged. Several processes may ask for the same arrays at once: each makes them if it finds
    none, and a file appears under its name only when it is complete.

    Attributes:
        directory: Where the files are. It is made when the first file is written.
    """

    def __init__(self, directory: str | os.PathLike | None = None):
        """Points to a directory; None means `default_directory()`."""
        self.directory = default_directory() if directory is None else pathlib.Path(directory)

    def path(self, name: str, key: Mapping[str, object]) -> pathlib.Path:
        """The file of a set of arrays.

        Args:
            name: What the arrays are; the file name starts with it.
            key: All that the arrays depend on, as JSON can hold it.
        """
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self.directory / f"{name}-{digest[:24]}.npz"

    def get(
        self,
        name: str,
        key: Mapping[str, object],
        make: Callable[[], dict[str, np.ndarray]],
    ) -> dict[str, np.ndarray]:
        """Reads a set of arrays, or makes and keeps it.

        Args:
            name: See `path`.
            key: See `path`.
            make: Called without arguments if there is no sound file. No array may be named
                "file" or "sha256", or hold Python objects.

        Returns:
            The arrays by name, equal to what `make` returns.
        """
        path = self.path(name, key)
        arrays = _read(path)
        if arrays is None:
            arrays = make()
            _write(path, arrays)
        return arrays


def _read(path: pathlib.Path) -> dict[str, np.ndarray] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        checksum = arrays.pop(_CHECKSUM)
        if not np.array_equal(checksum, arrays_digest(arrays)):
            raise ValueError("its checksum does not fit")
    except (FileNotFoundError, NotADirectoryError):
        return None
    # A damaged archive fails in many ways, from the zip reader to the array header's parser, and
    # none of them must stop a run.
    except Exception as error:  # pylint: disable=broad-exception-caught
        logging.warning(
            "The cached file %s is damaged or unreadable (%s: %s); its content is made again.",
            path,
            type(error).__name__,
            error,
        )
        return None
    return arrays


def _write(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as aside, open(aside, "xb") as file:
            np.savez(file, **arrays, **{_CHECKSUM: arrays_digest(arrays)})
    except OSError as error:
        logging.warning(
            "Cannot keep %s (%s). The run goes on; the next one makes it again. Set RTML_TF_CACHE "
            "to a directory that can be written.",
            path,
            error,
        )


def arrays_digest(arrays: Mapping[str, npt.ArrayLike]) -> np.ndarray:
    """SHA-256 over names, types, shapes and values, uint8 `[32]`."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.data)
    return np.frombuffer(digest.digest(), np.uint8)
