"""Reads pickles that should hold plain data, without running what is in them.

A pickle is a program: unpickling a file from elsewhere can do anything. The unpickler here never
looks up a function or class that the file names. Five names that files of byte strings and truth
values do contain get harmless stand-ins, written below; any other name is an error. What is left
is that a malicious file may use a lot of memory or fail with any exception.
"""

import io
import pickle
from typing import Any


class PlainUnpickler(pickle.Unpickler):
    """Unpickles lists, tuples, numbers, strings, bytes, NumPy truth values and NumPy bytes."""

    def find_class(self, module: str, name: str) -> Any:
        stand_in = _STAND_INS.get((module.replace("numpy._core", "numpy.core"), name))
        if stand_in is None:
            raise pickle.UnpicklingError(
                f"the file asks for {module}.{name}, which plain data does not need"
            )
        return stand_in


def load_plain(contents: bytes) -> Any:
    """Unpickles plain data.

    Byte strings of Python 2 become `bytes`, a NumPy truth value becomes a `bool`, and a NumPy
    array of unsigned bytes becomes `bytes`.

    Raises:
        ValueError: If the contents are no pickle, or hold or ask for anything else.
    """
    try:
        value = PlainUnpickler(io.BytesIO(contents), encoding="bytes").load()
        return _plain(value)
    except Exception as error:  # Damaged pickles raise almost anything.
        raise ValueError(f"not a pickle of plain data: {error}") from error


class _Type:
    """Stands in for `numpy.dtype`: remembers the code of the type, b"b1" or b"u1"."""

    def __init__(self, code: Any, *_: Any):
        self.code = code.encode() if isinstance(code, str) else code

    def __setstate__(self, state: Any) -> None:
        """Byte order and the like say nothing about types of one byte."""


class _Array:
    """Stands in for `numpy.ndarray`: remembers the bytes of its buffer."""

    contents: bytes | None = None

    def __setstate__(self, state: tuple) -> None:
        _, _, kind, _, buffer = state
        if kind.code != b"u1":
            raise ValueError(f"expected an array of unsigned bytes, got one of {kind.code!r}")
        self.contents = bytes(buffer)


def _scalar(kind: _Type, buffer: bytes) -> bool:
    """Stands in for the function that builds NumPy scalars."""
    if kind.code != b"b1" or buffer not in (b"\x00", b"\x01"):
        raise ValueError(f"expected a truth value, got one of type {kind.code!r}")
    return buffer == b"\x01"


def _encode(text: str, encoding: str) -> bytes:
    """Stands in for `codecs.encode`: Python 3 writes bytes like this for Python 2 to read."""
    if encoding not in ("latin1", b"latin1"):
        raise ValueError(f"expected bytes written as latin1, got {encoding!r}")
    return text.encode("latin1")


def _plain(value: Any) -> Any:
    """Refuses stand-ins that were not called, and unwraps arrays."""
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item) for item in value)
    if isinstance(value, _Array) and value.contents is not None:
        return value.contents
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    raise ValueError(f"a {type(value).__name__} is not plain data")


_STAND_INS = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): lambda *_: _Array(),
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("_codecs", "encode"): _encode,
}
