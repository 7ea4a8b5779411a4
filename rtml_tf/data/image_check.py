"""Finds the image files that cannot be read, before training starts."""

import os
import re
from collections.abc import Callable, Sequence

import tensorflow as tf

from rtml_tf.data.image_decoding import read_image

# Whether a file is readable, by (path, modification time, size, channels): the training and the
# test part of one folder are two sources, and need not both decode all of its files.
_checked: dict[tuple, bool] = {}


def find_unreadable(paths: Sequence[str], channels: int) -> list[str]:
    """Decodes every file once, in parallel, and returns those that fail.

    Files that this process has checked before, and that have not changed, are not decoded again.

    Args:
        paths: Image files.
        channels: 1 or 3, as they will be decoded later.

    Returns:
        The unreadable files, in the order of `paths`.
    """
    states = {path: _state(path, channels) for path in paths}
    pending = [path for path, state in states.items() if state not in _checked]
    readable = _readable(pending, channels)
    _checked.update((states[path], path in readable) for path in pending)
    return [path for path, state in states.items() if not _checked[state]]


def why_unreadable(path: str, channels: int) -> str:
    """The reason why a file cannot be read, in a few words.

    Args:
        path: A file that `find_unreadable` found.
        channels: 1 or 3.
    """
    reason = failure_of(lambda name: read_image(name, channels), path)
    return "it could be read at the second attempt" if reason is None else reason


def failure_of(read: Callable[[tf.Tensor], tf.Tensor], path: str) -> str | None:
    """Why a file cannot be read, in a few words, or None if it can.

    Args:
        read: Reads the file of a name, a string scalar.
        path: The file.
    """
    try:
        read(tf.constant(os.fsencode(path)))
    except tf.errors.OpError as error:
        return plain_message(error)
    except Exception as error:  # Pillow documents no common class of its errors.
        return str(error).split(" <_io.")[0].rstrip(".")
    return None


def plain_message(error: tf.errors.OpError) -> str:
    """What an error says, without what TensorFlow adds: places in its graph, operations."""
    message = re.sub(r"\{\{function_node.*?\}\} ?", "", error.message)
    message = re.sub(r"\s*\[\[?(\{\{node|Op:).*", "", message, flags=re.DOTALL)
    # What an assertion was given stands in brackets in a graph, as bytes otherwise.
    message = re.sub(r"Expected .* to be true\. Summarized data: b'(.*)'", r"\1", message)
    message = re.sub(r"^assertion failed: \[(.*)\]$", r"\1", message).replace("] [", " ")
    return message.rstrip(".")


def _state(path: str, channels: int) -> tuple:
    try:
        status = os.stat(path)
    except OSError:
        return (path, None, None, channels)
    return (os.path.abspath(path), status.st_mtime_ns, status.st_size, channels)


def _readable(paths: Sequence[str], channels: int) -> set[str]:
    if not paths:
        return set()
    names = tf.constant([os.fsencode(path) for path in paths])

    def number_and_size(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return number, tf.size(read_image(names[number], channels))

    sizes = tf.data.Dataset.range(len(paths)).map(number_and_size, tf.data.AUTOTUNE)
    # A file that fails drops out in `ignore_errors`, and is known by its absence. Filtering by size
    # keeps graph optimisation from leaving out a decoding whose result nobody uses.
    numbers = sizes.ignore_errors().filter(lambda _, size: size > 0).map(lambda n, _: n)
    return {paths[n] for batch in numbers.batch(1024).as_numpy_iterator() for n in batch}
