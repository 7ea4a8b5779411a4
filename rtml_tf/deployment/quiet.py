"""Keeps what the converter says to itself out of the program's output."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from absl import logging


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Takes everything that the block writes to the standard error, that of C++ code included.

    The converter of TFLite describes its intermediate steps there, and leaves no way to turn that
    off. It is logged with `--verbosity=1`. Errors arrive as exceptions.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            logging.debug("%s", said.read())
