"""What somebody probably meant who wrote a name that does not exist."""

import difflib
import inspect
import re
import sys
from collections.abc import Callable, Iterable

import gin
import tensorflow as tf

_LAYER_KEYWORDS = ("input_shape", "batch_input_shape", "batch_size", "weights", "autocast")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known name, or nothing if none is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"\nDid you mean {near[0]!r}?" if near else ""


def suggestion(message: str) -> str:
    """A sentence for one of gin's error messages, or nothing."""
    attribute = re.search(r"<module '([\w.]+)'.* has no attribute (\w+)", message)
    if attribute:
        return did_you_mean(attribute.group(2), dir(sys.modules.get(attribute.group(1))))
    parameter = re.search(
        r"Configurable '([\w.]+)' doesn't have a parameter named '(\w+)'", message
    )
    if parameter:
        # Gin has no public way to look a name up.
        registered = gin.config._REGISTRY.get_match(parameter.group(1))  # pylint: disable=protected-access
        return did_you_mean(parameter.group(2), inspect.signature(registered.wrapped).parameters)
    return ""


def known_arguments(callable_object: Callable) -> set[str] | None:
    """Every argument that a function or a class takes by name.

    For a class whose constructor hands `**kwargs` to its bases these are the arguments of the
    bases too.

    Returns:
        The names; `None` if they cannot be known.
    """
    if not inspect.isclass(callable_object):
        names, takes_any = _arguments(callable_object)
        return None if takes_any else names
    # Keras takes some arguments of its layers without naming them in a signature.
    known = set(_LAYER_KEYWORDS) if issubclass(callable_object, tf.keras.layers.Layer) else set()
    for base in callable_object.__mro__[:-1]:
        if "__init__" in vars(base):
            names, takes_any = _arguments(base.__init__)
            known |= names
            if not takes_any:
                return known
    # This base ends in **kwargs, but refuses what it does not know.
    return known if issubclass(callable_object, tf.keras.optimizers.Optimizer) else None


def _arguments(function: Callable) -> tuple[set[str], bool]:
    """The names of a function's arguments, and whether it takes others too."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return set(), True
    names = {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    return names, any(p.kind is p.VAR_KEYWORD for p in parameters)
