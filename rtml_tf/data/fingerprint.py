"""What tells two sources apart: their examples' names and content, as one short text."""

import hashlib
import os

import tensorflow as tf

from rtml_tf.data.source import ImageSource

_EXAMPLES_AT_ONCE = 256


def source_fingerprint(source: ImageSource) -> str:
    """SHA-256, in hexadecimal digits, of the names and the values of all examples, in order.

    Every example is loaded once. What the values were made from, how they were decoded, resized
    or viewed, is in the values. Labels do not count.
    """
    digest = hashlib.sha256(f"{len(source)} {tuple(source.image_shape)}".encode())
    for key in source.keys:
        # A length before each name: ("ab", "c") is not ("a", "bc").
        # Names of files need not be UTF-8.
        digest.update(os.fsencode(f" {len(key)} {key}"))
    examples = tf.data.Dataset.range(len(source)).map(source.load, tf.data.AUTOTUNE)
    for batch in examples.batch(_EXAMPLES_AT_ONCE).prefetch(1).as_numpy_iterator():
        digest.update(batch.tobytes())
    return digest.hexdigest()
