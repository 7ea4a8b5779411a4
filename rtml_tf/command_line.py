"""What the binaries share: the gin flags, the user's directory, errors in a few words."""

import os
import re
import signal
import sys
from collections.abc import Callable, Sequence

# TensorFlow reads this when it is imported; its notes on start-up, some of which call themselves
# errors, would bury the program's own words. Real errors arrive as exceptions.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# pylint: disable=wrong-import-position
import tensorflow as tf
from absl import app, flags, logging

from rtml_tf import configuration, users_folder
from rtml_tf.data.image_check import plain_message
from rtml_tf.runs import runtime

_GIN_CALL = "  In call to configurable "
_Main = Callable[[Sequence[str]], int | None]

GIN_FILES = flags.DEFINE_multi_string(
    "gin_file", [], "A gin file of the experiment; may be given several times, later ones win."
)
GIN_PARAMETERS = flags.DEFINE_multi_string(
    "gin_param", [], "One binding on top of the gin files, such as 'training.train.epochs = 3'."
)
GIN_PACKAGES = flags.DEFINE_multi_string(
    "gin_package", [], "A package of your own whose classes gin files may name."
)
RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "The run folder. Training makes it, or goes on where it stands (the default is runs/<name of "
    "the first gin file>); evaluation and export read it.",
)

# What users can mend: files, values, disks; and images and checkpoints that TensorFlow reads.
_MISTAKES = (ValueError, TypeError, OSError, tf.errors.OpError)


def configure_from_flags(files: Sequence[str] = (), *, run_files: Sequence[str] = ()) -> None:
    """Parses `files`, then the gin flags on top of them.

    Args:
        files: Gin files.
        run_files: The configuration of a run below them, see `configuration.parse`.

    Raises:
        ConfigurationError: If something in them is wrong.
    """
    configuration.parse(
        [*files, *GIN_FILES.value],
        GIN_PARAMETERS.value,
        packages=GIN_PACKAGES.value,
        run_files=run_files,
    )


def start_runtime() -> None:
    """Ends the configuration and sets seed, precision and threads from it."""
    configuration.lock()
    configuration.configured(runtime.configure)()


def message_of(error: Exception) -> str:
    """What an error says, with the object of the configuration that it arose in.

    Gin adds a line for every object on the way there; the innermost is the one to look at.
    """
    text = plain_message(error) if isinstance(error, tf.errors.OpError) else str(error)
    lines = (text.strip() or type(error).__name__).splitlines()
    message = [line for line in lines if not line.startswith(_GIN_CALL)]
    calls = [line[len(_GIN_CALL) :] for line in lines if line.startswith(_GIN_CALL)]
    if calls:
        message.append(f"  In {re.sub(r' [(]<.*>[)]', '', calls[0])}")
    return "\n".join(message)


def guarded(main: _Main, *, goes_on: bool = False) -> _Main:
    """A binary's `main`, whose errors that a user can mend become a message and exit status 1.

    With `--verbosity=1` they come with their traceback.

    Args:
        main: Takes the arguments that are no flags.
        goes_on: Whether, stopped and started again, it goes on where it was. Otherwise it begins
            anew, and finds the files that it has written.
    """
    then = "what is done is saved, the same command goes on from there."
    if not goes_on:
        then = "what was finished is written, the same command begins anew."

    def guarded_main(argv: Sequence[str]) -> int | None:
        if len(argv) > 1:
            print(f"error: unexpected arguments: {' '.join(argv[1:])}", file=sys.stderr)
            return 1
        try:
            return main(argv)
        except _Stopped as stopped:
            print(f"stopped by {stopped.signal.name}; {then}")
            return 128 + stopped.signal
        except _MISTAKES as error:
            if logging.get_verbosity() >= logging.DEBUG:
                raise
            print(f"error: {message_of(error)}", file=sys.stderr)
            print("(--verbosity=1 shows the traceback)", file=sys.stderr)
            return 1

    return guarded_main


def run(main: _Main, *, goes_on: bool = False) -> None:
    """Runs a binary's `main`, `guarded`, in the directory that the user is in.

    SIGTERM and Ctrl-C end it with a message and exit status 128 + signal.

    Args:
        main: Takes the arguments that are no flags.
        goes_on: See `guarded`.
    """
    users_folder.enter()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    app.run(guarded(main, goes_on=goes_on))


class _Stopped(BaseException):
    """SIGTERM or Ctrl-C where nothing waits for them (training does, see `Interruption`)."""

    def __init__(self, received: signal.Signals):
        super().__init__(received.name)
        self.signal = received


def _stop(number: int, frame) -> None:
    del frame
    signal.signal(number, signal.SIG_DFL)  # If this one is not heard, the next one is.
    raise _Stopped(signal.Signals(number))
