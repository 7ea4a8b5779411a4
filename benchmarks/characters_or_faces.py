"""The flags of benchmarks that run on handwritten characters or on faces."""

import os

from absl import app, flags

from benchmarks import faces

_OMNIGLOT = flags.DEFINE_string("omniglot", None, "The folder that holds train and test.")
_LFW = flags.DEFINE_string("lfw", None, "The folder that holds the people and pairs.txt.")


def chosen_data() -> tuple[str, tuple[str, ...]]:
    """The data set that the flags name.

    Returns:
        The flag, "omniglot" or "lfw", and the bindings that its gin file needs.

    Raises:
        app.UsageError: If none or both are given.
    """
    if (_OMNIGLOT.value is None) == (_LFW.value is None):
        raise app.UsageError("give one of --omniglot and --lfw.")
    if _OMNIGLOT.value is not None:
        return "omniglot", (f"OMNIGLOT = {os.path.abspath(_OMNIGLOT.value)!r}",)
    return "lfw", faces.lfw_parameters(_LFW.value)
