"""Mask files as tensors of what they have written in each pixel, as graph operations.

Masks are PNG files: any format that loses information would invent classes at every edge.
"""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from rtml_tf.data import image_header

_PALETTE = 3  # The colour type in the header of a PNG file.


def read_ids(path: tf.Tensor) -> tf.Tensor:
    """Reads the id in each pixel of a PNG file.

    That is the grey value, the place in the palette (not its colour) or, in an image of several
    channels, the value of the first. 16-bit files keep their 16 bits, files of 1, 2 and 4 bits
    theirs.

    Args:
        path: string scalar.

    Returns:
        int32 `[height, width]`. Evaluating it raises a `tf.errors.OpError` if the file cannot be
        read or is no PNG file.
    """
    contents = _png(path)
    header = tf.cast(tf.io.decode_raw(tf.strings.substr(contents, 24, 2), tf.uint8), tf.int32)
    bits, kind = header[0], header[1]

    def decoded() -> tf.Tensor:
        # Fewer than 8 bits are spread over 0..255.
        spread = tf.cond(bits < 8, lambda: 255 // (2**bits - 1), lambda: 1)
        return tf.cast(tf.io.decode_png(contents)[:, :, 0], tf.int32) // spread

    ids = tf.case(
        [
            (kind == _PALETTE, lambda: tf.cast(_palette_places(contents), tf.int32)),
            (
                bits == 16,
                lambda: tf.cast(tf.io.decode_png(contents, dtype=tf.uint16)[:, :, 0], tf.int32),
            ),
        ],
        default=decoded,
        exclusive=False,
    )
    return tf.ensure_shape(ids, [None, None])


def read_colours(path: tf.Tensor) -> tf.Tensor:
    """Reads the colour of each pixel of a PNG file, of its palette where it has one.

    Args:
        path: string scalar.

    Returns:
        int32 `[height, width]`: `65536 red + 256 green + blue`, 8 bits each. Errors as `read_ids`.
    """
    colours = tf.cast(tf.io.decode_png(_png(path), channels=3), tf.int32)
    return tf.reduce_sum(colours * [1 << 16, 1 << 8, 1], axis=-1)


def fit_mask(mask: tf.Tensor, mask_size: tuple[int, int]) -> tf.Tensor:
    """Resizes a mask to the nearest pixels (by their centres, as images are resized).

    Args:
        mask: int32 `[height, width]`.
        mask_size: `(height, width)`.

    Returns:
        int32 `mask_size`, values that were in `mask`.
    """
    mask = tf.image.resize(mask[:, :, tf.newaxis], mask_size, "nearest")
    return tf.ensure_shape(mask[:, :, 0], mask_size)


def _png(path: tf.Tensor) -> tf.Tensor:
    contents = tf.io.read_file(path)
    is_png = tf.strings.substr(contents, 0, 8) == b"\x89PNG\r\n\x1a\n"
    with tf.control_dependencies([tf.debugging.Assert(is_png, ["A mask must be a PNG file"])]):
        return image_header.checked(contents)


def _palette_places(contents: tf.Tensor) -> tf.Tensor:
    # TensorFlow knows the colours of a palette only.
    def decode(data: bytes | np.ndarray) -> np.ndarray:
        # Bytes in a graph, an array of one such object in eager mode.
        with Image.open(io.BytesIO(np.asarray(data, object).item())) as image:
            return np.asarray(image)

    return tf.numpy_function(decode, [contents], tf.uint8, stateful=False)
