"""Errors of the disk that say where."""

import contextlib
import os
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def errors_name(path: pathlib.Path) -> Iterator[None]:
    """Lets an error of the operating system name `path` where it names nothing.

    Opening a file that is not there names it; writing to one when the disk is full does not.

    Args:
        path: What the block writes.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = os.fspath(path)
        raise
