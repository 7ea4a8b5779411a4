"""What gin files may name.

A gin file from elsewhere is data: it chooses among the classes and functions of some packages, and
must not run anything else. Gin by itself imports any module that a file asks for, and hands out
whatever can be reached from there, such as `os.system` through a module that imports `os`.
"""

from collections.abc import Sequence
from typing import Any

import gin

PACKAGES = ("rtml_tf", "tensorflow", "tensorflow_addons")

# What is reached through tf.keras lives in `keras`, or in `tf_keras` where that stands for it. The
# parts that are left out load and download files.
_REFUSED_PARTS = ("saving", "models", "utils")


class UntrustedName(ValueError):
    """A gin file names what gin files may not."""


def allow(packages: Sequence[str]) -> None:
    """Lets gin files name `PACKAGES` and what is defined in these packages, and nothing else.

    Of TensorFlow itself they may name what `tf.keras` has, without its loaders.

    Args:
        packages: More packages.
    """

    class GuardedContext(_PLAIN_CONTEXT):
        """Gin's reader of one file, with an eye on what it imports and finds."""

        def process_import(self, statement):
            known = (*PACKAGES, *packages)
            root = statement.module.split(".")[0]
            if root not in ("__gin__", "gin", *known):
                place = statement.location
                where = f"{place.filename or 'the parameters'}, line {place.line_num}"
                raise UntrustedName(
                    f"{where}, imports {statement.module}, but gin files may only import from "
                    f"{', '.join(known)}. If you trust it, add --gin_package={root}."
                )
            super().process_import(statement)

        def _register(self, attr_names, attr_values):
            module = getattr(attr_values[-1], "__module__", None) or "an unknown module"
            if not _is_trusted(module, packages):
                raise UntrustedName(
                    f"{'.'.join(attr_names)} is defined in {module}, but gin files may only name "
                    f"what is defined in {', '.join(('rtml_tf', 'tf.keras', *_others(packages)))}, "
                    "and in Keras nothing that loads files."
                )
            return super()._register(attr_names, attr_values)

    gin.config.ParseContext = GuardedContext


_PLAIN_CONTEXT: Any = gin.config.ParseContext


def _others(packages: Sequence[str]) -> tuple[str, ...]:
    return ("tensorflow_addons", *packages)


def _is_trusted(module: str, packages: Sequence[str]) -> bool:
    root, *inner = module.split(".")
    if root in ("keras", "tf_keras"):
        return not set(inner) & set(_REFUSED_PARTS)
    return root in ("gin", "rtml_tf", *_others(packages))
