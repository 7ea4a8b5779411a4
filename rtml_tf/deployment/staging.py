"""Files that are made aside, and take their places together when all of them are good."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile
from collections.abc import Collection, Iterator

from rtml_tf.named_errors import errors_name

_PREFIX = ".export-"


@contextlib.contextmanager
def staged(folder: pathlib.Path, *, instead_of: Collection[str] = ()) -> Iterator[pathlib.Path]:
    """Gives a hidden folder to write to, whose entries move to `folder` in the end.

    Each entry replaces one of its name, files and folders alike. If the block raises, `folder`
    stays as it was. What a process that was killed has left of its own hidden folder is removed.

    Args:
        folder: Is made if it does not exist.
        instead_of: Names of entries of `folder` that go when the new ones come, as far as they are
            there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    aside = pathlib.Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    descriptor = os.open(aside, os.O_RDONLY)
    try:
        # Held as long as this process lives: a folder without it was left behind.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with errors_name(folder):
            yield aside
        entries = sorted(aside.iterdir())
        replaced = pathlib.Path(tempfile.mkdtemp(prefix=".replaced-", dir=aside))
        # Names only: what they are of may have been written elsewhere.
        for name in sorted(pathlib.PurePath(name).name for name in instead_of):
            if os.path.lexists(folder / name):
                os.replace(folder / name, replaced / name)
        for entry in entries:
            place = folder / entry.name
            if place.is_dir():
                # A folder can only take the place of an empty one.
                os.replace(place, replaced / entry.name)
            os.replace(entry, place)
    finally:
        shutil.rmtree(aside)
        os.close(descriptor)


def _sweep(folder: pathlib.Path) -> None:
    for left in folder.glob(f"{_PREFIX}*"):
        descriptor = os.open(left, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # Its process lives.
        else:
            shutil.rmtree(left)
        finally:
            os.close(descriptor)
