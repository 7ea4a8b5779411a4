"""Finds the image files that cannot be read, before training starts."""

import os
import re
from collections.abc import Sequence

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
    try:
        read_image(tf.constant(os.fsencode(path)), channels)
    except tf.errors.OpError as error:
        # Leaves out what TensorFlow adds: the place in its graph, the name of the operation.
        return re.sub(r"\{\{.*?\}\} ?|\s*\[Op:\w*\].*", "", error.message).rstrip(".")
    except Exception as error:  # Pillow documents no common class of its errors.
        return str(error).split(" <_io.")[0].rstrip(".")
    return "it could be read at the second attempt"


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
