"""What the binaries share: the gin flags, the user's directory, errors in a few words."""

import os
import re
import sys
from collections.abc import Callable, Sequence

# TensorFlow reads this when it is imported; its notes on start-up, some of which call themselves
# errors, would bury the program's own words. Real errors arrive as exceptions.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# pylint: disable=wrong-import-position
from absl import app, flags, logging

from rtml_tf import configuration
from rtml_tf.runs import runtime

_GIN_CALL = "  In call to configurable "

GIN_FILES = flags.DEFINE_multi_string(
    "gin_file", [], "A gin file of the experiment; may be given several times, later ones win."
)
GIN_PARAMETERS = flags.DEFINE_multi_string(
    "gin_param", [], "One binding on top of the gin files, such as 'training.train.epochs = 3'."
)


def configure_from_flags(files: Sequence[str] = ()) -> None:
    """Parses `files`, then the gin flags on top of them.

    Raises:
        ConfigurationError: If something in them is wrong.
    """
    configuration.parse([*files, *GIN_FILES.value], GIN_PARAMETERS.value)


def start_runtime() -> None:
    """Ends the configuration and sets seed, precision and threads from it."""
    configuration.lock()
    configuration.configured(runtime.configure)()


def message_of(error: Exception) -> str:
    """What an error says, with the object of the configuration that it arose in.

    Gin adds a line for every object on the way there; the innermost is the one to look at.
    """
    lines = (str(error).strip() or type(error).__name__).splitlines()
    message = [line for line in lines if not line.startswith(_GIN_CALL)]
    calls = [line[len(_GIN_CALL) :] for line in lines if line.startswith(_GIN_CALL)]
    if calls:
        message.append(f"  In {re.sub(r' [(]<.*>[)]', '', calls[0])}")
    return "\n".join(message)


def run(main: Callable[[Sequence[str]], int | None]) -> None:
    """Runs a binary's `main` in the directory that the user is in.

    Errors that a user can mend end the program with exit status 1 and their message; with
    `--verbosity=1` with the traceback too.
    """
    # `bazel run` starts programs in a folder of its own; paths are the user's.
    os.chdir(os.environ.get("BUILD_WORKING_DIRECTORY", "."))

    def guarded(argv: Sequence[str]) -> int | None:
        if len(argv) > 1:
            print(f"error: unexpected arguments: {' '.join(argv[1:])}", file=sys.stderr)
            return 1
        try:
            return main(argv)
        except (ValueError, TypeError, OSError) as error:
            if logging.get_verbosity() >= logging.DEBUG:
                raise
            print(f"error: {message_of(error)}", file=sys.stderr)
            print("(--verbosity=1 shows the traceback)", file=sys.stderr)
            return 1

    app.run(guarded)
