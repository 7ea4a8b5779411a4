"""Files that are written whole or not at all."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Iterator

from rtml_tf.named_errors import errors_name


@contextlib.contextmanager
def whole_file(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a path in the same folder to write to, which takes the name `path` in the end.

    Whoever reads `path`, at any moment, finds the old file or the whole new one, also after a
    power cut. If the block raises, nothing is left of what it wrote.

    Args:
        path: The file; its folder exists.

    Yields:
        A hidden name with the suffix of `path`, other than that of any other writer.
    """
    aside = path.with_name(f".{path.stem}.{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")
    try:
        with errors_name(path):
            yield aside
            flush(aside)
            os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    flush(path.parent)


def flush(path: pathlib.Path) -> None:
    """Makes the operating system write a file, or the entries of a folder, to the disk.

    Until then a power cut may take what was written, or leave the name without the content.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
