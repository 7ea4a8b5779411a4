"""Binaries, run in the process of a test."""

import contextlib
import io
import shlex

from absl import flags

from rtml_tf import command_line, evaluate, export, pack, train

_MAINS = {
    "train": train.main,
    "evaluate": evaluate.main,
    "export": export.main,
    "pack": pack.main,
}
_FLAGS = (
    "gin_file",
    "gin_param",
    "network_file",
    "output",
    "run_dir",
    "unfinished",
    "worker_index",
    "workers",
)


def binary(command: str) -> tuple[int, str]:
    """Runs a command such as "train --gin_file=x.gin": its exit status and all that it prints."""
    name, *arguments = shlex.split(command)
    flags.FLAGS.unparse_flags()
    for flag in _FLAGS:
        flags.FLAGS[flag].value = flags.FLAGS[flag].default
        flags.FLAGS[flag].present = 0
    rest = flags.FLAGS([name, *arguments])
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        status = command_line.guarded(_MAINS[name])(rest)
    return status, output.getvalue()
