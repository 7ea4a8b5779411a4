"""Gin files and parameters: parsed, checked, and explained when they are wrong."""

import contextlib
import io
import os
import pathlib
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import gin

from rtml_tf import gin_names, misspellings

# The folder that holds the packages: gin files are found there from any working directory.
_ROOT = pathlib.Path(__file__).absolute().parent.parent
gin.add_config_file_search_path(str(_ROOT))
# A section of a resolved configuration that says nothing.
_WITHOUT_VALUES = re.compile(r"^# Parameters for .*:\n# =+\n# None\.\n*", re.MULTILINE)
# What may be bound only to export.
_EXPORTS = "rtml_tf.deployment"

# A quoted text: a percent sign in it begins no name of a macro.
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'" r'|"(?:[^"\\]|\\.)*"')


class ConfigurationError(ValueError):
    """A gin file or parameter that cannot be used."""


def _read(path: str) -> io.StringIO:
    """A gin file, for gin."""
    try:
        text = io.StringIO(pathlib.Path(path).read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"gin file {path!r} is no text in UTF-8: {error}.") from error
    text.name = path
    return text


# Gin would also look into installed packages. That reader stumbles over folders such as
# gin_configs that hold no Python, and logs each file that it does not find as an error.
gin.config._FILE_READERS[:] = [(_read, os.path.isfile)]  # pylint: disable=protected-access


def parse(
    files: Sequence[str],
    parameters: Sequence[str],
    *,
    packages: Sequence[str] = (),
    run_files: Sequence[str] = (),
) -> None:
    """Parses gin files, then single parameters on top.

    Args:
        files: Paths, relative to the working directory or to the folder that holds the packages.
        parameters: Bindings such as `"training.train.epochs = 3"`.
        packages: Packages that gin files may name, beside those of `gin_names`.
        run_files: The configuration of a run that `files` are put on top of. How that run exports
            is left out: another export would take it for what it was asked for.

    Raises:
        ConfigurationError: If a file is missing or names what it may not, or a name is misspelt or
            has no value; the message says what was probably meant.
    """
    gin.clear_config()
    gin_names.allow(packages)
    _parse_files(run_files)
    _leave_out(_EXPORTS)
    # Whether it uses all of its macros was seen when it ran.
    of_run = _macros()
    _parse_files(files)
    for parameter in parameters:
        with _explained(f" in --gin_param={parameter!r}"):
            gin.parse_config([*_imports(), parameter])
    _check_parameters()
    _check_macros(may_be_unused=of_run)


def _parse_files(files: Sequence[str]) -> None:
    for file in files:
        if not (os.path.exists(file) or (_ROOT / file).exists()):
            near = misspellings.did_you_mean(file, _shipped_files())
            raise ConfigurationError(f"gin file {file!r} does not exist.{near}")
        if os.path.isdir(file):
            raise ConfigurationError(f"{file!r} is a folder, expected a gin file.")
    with _explained():
        try:
            gin.parse_config_files_and_bindings(list(files), [], finalize_config=False)
        except RecursionError as error:
            raise ConfigurationError(
                f"a gin file includes itself, perhaps through others: one of {', '.join(files)}."
            ) from error


def _leave_out(package: str) -> None:
    """Forgets what is bound of a package."""
    for key in [key for key in _bindings() if key[1].startswith(f"{package}.")]:
        del _bindings()[key]


@contextlib.contextmanager
def _explained(place: str = "") -> Iterator[None]:
    """Turns what gin raises into a message with what was meant, and the line where it gives one."""
    try:
        yield
    except SyntaxError as error:
        line = place or f": {(error.text or '').strip()!r}"
        raise ConfigurationError(f"{error}{line}") from error
    except (ValueError, AttributeError, NameError, ImportError, OSError) as error:
        suggestion = misspellings.suggestion(str(error))
        raise ConfigurationError(f"{error}{suggestion}") from error


def lock() -> None:
    """Ends the configuration: every macro must have a value, nothing can be changed from here on.

    Raises:
        ConfigurationError: If a macro is `%gin.REQUIRED` still.
    """
    required = [
        scope
        for (scope, selector), values in _bindings().items()
        if selector == "gin.macro" and repr(values.get("value")) == "%gin.REQUIRED"
    ]
    if required:
        raise ConfigurationError(
            f"{', '.join(sorted(required))} must be set, for example with "
            f"--gin_param=\"{sorted(required)[0]} = '...'\"."
        )
    gin.finalize()


def configured(function: Callable) -> Callable:
    """The function with its arguments taken from the configuration, as far as they are in it."""
    try:
        return gin.get_configurable(function)
    except ValueError:
        return function  # No file names it.


def resolved() -> str:
    """Everything that was built so far and its values, as a gin file that gives them again."""
    # Whether gin lists what has no values depends on what was parsed before.
    return _WITHOUT_VALUES.sub("", gin.operative_config_str()).rstrip() + "\n"


def whole() -> str:
    """Everything that is bound, built or not, as a gin file."""
    return _WITHOUT_VALUES.sub("", gin.config_str()).rstrip() + "\n"


def is_bound(parameter: str) -> bool:
    """Whether a parameter, such as "training.train.epochs", has a value."""
    try:
        gin.query_parameter(parameter)
    except ValueError:
        return False
    return True


def value_of(parameter: str) -> Any:
    """What a parameter is bound to, through macros; `None` if it has no value.

    Names in it stay as they are: nothing is built.
    """
    value = gin.query_parameter(parameter) if is_bound(parameter) else None
    while repr(value).startswith("%"):
        macro = repr(value)
        value = gin.query_parameter(macro) if is_bound(macro) else None
    return value


def bind(parameter: str, *, same_as: str, statement: str) -> None:
    """Gives a parameter the value of another one.

    Args:
        parameter: What to bind, such as "evaluating.evaluate.evaluations".
        same_as: The other one, which has a value.
        statement: The import that `parameter` needs.
    """
    value = gin.query_parameter(same_as)
    gin.parse_config([*_imports(), statement, f"{parameter} = {value!r}"])


def in_scope(scope: str) -> contextlib.AbstractContextManager:
    """Inside of it, what is built has the bindings of a scope of gin; "" is none."""
    return gin.config_scope(scope or None)


def _shipped_files() -> list[str]:
    return [str(path.relative_to(_ROOT)) for path in (_ROOT / "gin_configs").rglob("*.gin")]


def _bindings() -> dict:
    # Gin has no public way to go through its bindings.
    return gin.config._CONFIG  # pylint: disable=protected-access


def _imports() -> list[str]:
    """The imports of the files: a parameter may then name what no file has bound yet."""
    statements = gin.config._IMPORTS  # pylint: disable=protected-access
    # A set: each parameter's own copy of these imports is remembered beside the first.
    lines = sorted({statement.format() for statement in statements})
    dynamic = "from __gin__ import dynamic_registration"
    return [dynamic, *(line for line in lines if line != dynamic)] if lines else []


def _check_parameters() -> None:
    """Finds arguments that gin takes in silence because something accepts `**kwargs`."""
    for (_, selector), values in _bindings().items():
        registered = gin.config._REGISTRY.get_match(selector)  # pylint: disable=protected-access
        known = misspellings.known_arguments(registered.wrapped)
        for name in values if known is not None else ():
            if name not in known:
                raise ConfigurationError(
                    f"{registered.selector} has no argument {name!r}."
                    f"{misspellings.did_you_mean(name, known)}"
                )


def _macros() -> set[str]:
    return {scope for scope, selector in _bindings() if selector == "gin.macro"}


def _check_macros(may_be_unused: Collection[str]) -> None:
    """A macro that nothing uses is a misspelt one; one that nothing sets, too."""
    defined = _macros()
    config = _TEXT.sub("''", gin.config_str(max_line_length=10_000))
    used = {name for name in re.findall(r"%([\w.]+)", config) if not name.startswith("gin.")}
    for name in sorted(used - defined):
        raise ConfigurationError(
            f"the macro {name} is used but not set.{misspellings.did_you_mean(name, defined)}"
        )
    for name in sorted(defined - used - set(may_be_unused)):
        raise ConfigurationError(
            f"the macro {name} is set but nothing uses it.{misspellings.did_you_mean(name, used)}"
        )
