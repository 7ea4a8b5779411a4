"""The folder that the user is in."""

import os


def enter() -> None:
    """Goes there: `bazel run` starts programs in a folder of its own, and paths are the user's."""
    os.chdir(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
