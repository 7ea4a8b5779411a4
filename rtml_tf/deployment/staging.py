"""Files that are made aside, and take their places together when all of them are good."""

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from rtml_tf.named_errors import errors_name


@contextlib.contextmanager
def staged(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a hidden folder to write to, whose entries move to `folder` in the end.

    Each entry replaces one of its name, files and folders alike. If the block raises, `folder`
    stays as it was.

    Args:
        folder: Is made if it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    aside = pathlib.Path(tempfile.mkdtemp(prefix=".export-", dir=folder))
    try:
        with errors_name(folder):
            yield aside
        replaced = pathlib.Path(tempfile.mkdtemp(prefix=".replaced-", dir=aside))
        for entry in sorted(aside.iterdir()):
            if entry == replaced:
                continue
            place = folder / entry.name
            if place.is_dir():
                # A folder can only take the place of an empty one.
                os.replace(place, replaced / entry.name)
            os.replace(entry, place)
    finally:
        shutil.rmtree(aside)
