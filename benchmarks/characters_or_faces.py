"""The flags of benchmarks that run on handwritten characters or on faces."""

import os
from typing import NamedTuple

from absl import app, flags

from benchmarks import faces

_OMNIGLOT = flags.DEFINE_string("omniglot", None, "The folder that holds train and test.")
_LFW = flags.DEFINE_string("lfw", None, "The folder that holds the people and pairs.txt.")


class ChosenData(NamedTuple):
    """The data set that the flags name.

    Attributes:
        name: "omniglot" or "lfw".
        flag: That names it, for who repeats the runs.
        parameters: The bindings that its gin file needs.
    """

    name: str
    flag: str
    parameters: tuple[str, ...]


def chosen_data() -> ChosenData:
    """Reads the flags.

    Raises:
        app.UsageError: If none or both are given.
    """
    if (_OMNIGLOT.value is None) == (_LFW.value is None):
        raise app.UsageError("give one of --omniglot and --lfw.")
    if _OMNIGLOT.value is not None:
        bindings = (f"OMNIGLOT = {os.path.abspath(_OMNIGLOT.value)!r}",)
        return ChosenData("omniglot", "--omniglot=omniglot_small", bindings)
    return ChosenData("lfw", "--lfw=lfw112", faces.lfw_parameters(_LFW.value))
