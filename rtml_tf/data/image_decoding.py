"""Image files as tensors: decoding, resizing and cutting, as graph operations.

An image stays 8 bits a channel up to the very end, resizing included, as in most image libraries.
Its pixels are therefore exactly `k / 255` in every pipeline, cached or not.
"""

import io
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from PIL import Image

from rtml_tf.data import image_header


def decode_image(contents: tf.Tensor, channels: int, *, measured: bool = False) -> tf.Tensor:
    """Decodes one JPEG, PNG or BMP image.

    Palettes, 1-bit and 16-bit PNGs and grey images are brought to 8 bits and to `channels`, colour
    becomes grey by its luma (ITU-R BT.601), transparency is dropped and the orientation in a JPEG's
    EXIF data is ignored. JPEGs are decoded with the accurate transform and so agree with Pillow to
    the bit; those in CMYK become colour, but not grey.

    Args:
        contents: string scalar, the content of an image file.
        channels: 1 (grey) or 3 (red, green, blue).
        measured: Whether the image has been looked at before and is not too large; to look again
            takes a quarter of the time of decoding 112x112 pixels.

    Returns:
        uint8 `[height, width, channels]`. Evaluating it in a graph raises a `tf.errors.OpError` for
        what is no image, for one that is cut off, and for one of more pixels than `image_header`
        allows, which is not decoded. A JPEG with wrong bytes in its midst is decoded for all that:
        it has no checksum.
    """
    if not measured:
        contents = image_header.checked(contents)
    image = tf.cond(
        image_header.is_bmp(contents),
        lambda: _decode_bmp(contents, channels),
        lambda: decode_jpeg_or_png(contents, channels, measured=True),
    )
    return tf.ensure_shape(image, [None, None, channels])


def decode_jpeg_or_png(contents: tf.Tensor, channels: int, *, measured: bool = False) -> tf.Tensor:
    """As `decode_image`, without BMP, which takes Python: for graphs that are saved."""
    if not measured:
        contents = image_header.checked(contents, bmp=False)
    # Despite its name this operation decodes PNG as well.
    return tf.io.decode_jpeg(contents, channels, dct_method="INTEGER_ACCURATE")


def read_image(path: tf.Tensor, channels: int, *, measured: bool = False) -> tf.Tensor:
    """Reads one file and decodes it as `decode_image` does.

    The format is found from the content, not from the file name.

    Args:
        path: string scalar.
        channels: 1 or 3.
        measured: See `decode_image`.

    Returns:
        uint8 `[height, width, channels]`. The error of a file that exists but cannot be decoded
        does not name the file.
    """
    return decode_image(tf.io.read_file(path), channels, measured=measured)


def read_image_or_name_it(path: tf.Tensor, channels: int) -> tf.Tensor:
    """As `read_image`, but the error of an unreadable file names the file (`read_or_name_it`)."""
    nothing = tf.zeros([0, 0, channels], tf.uint8)
    return read_or_name_it(lambda file: read_image(file, channels), path, nothing)


def read_or_name_it(
    read: Callable[[tf.Tensor], tf.Tensor], path: tf.Tensor, nothing: tf.Tensor
) -> tf.Tensor:
    """Reads a file so that the error of an unreadable one names it.

    A decoding operation does not know the file, and an operation that fails cannot be caught in a
    graph. A dataset of this one file drops the failure and leaves a recognisable empty image, which
    a check then reports. This takes about 0.1 ms longer.

    Args:
        read: Reads the file of a name, a string scalar.
        path: string scalar.
        nothing: An empty image of the type and rank of what `read` returns.

    Returns:
        What `read` returns. Evaluating it raises `tf.errors.InvalidArgumentError` with the path for
        an unreadable file.
    """
    attempt = tf.data.Dataset.from_tensors(path).map(read)
    failure = tf.data.Dataset.from_tensors(nothing)
    image = attempt.ignore_errors().concatenate(failure).take(1).get_single_element()
    message = ["This image file cannot be read (missing, damaged, or not an image):", path]
    with tf.control_dependencies([tf.debugging.Assert(tf.size(image) > 0, message)]):
        return tf.identity(image)


def cut_box(image: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """Cuts a box out of an image.

    Args:
        image: uint8 `[height, width, channels]`.
        box: int32 `[4]`, `(left, top, right, bottom)` in pixels from 0; right and bottom are no
            longer a part of it. What lies outside of the image is left out; of a box that lies
            outside altogether, or is empty, the nearest pixels of the image remain.

    Returns:
        uint8 `[height', width', channels]`, at least one pixel high and wide.
    """
    left, top, right, bottom = tf.unstack(box)
    height, width, _ = tf.unstack(tf.shape(image))
    left, top = tf.clip_by_value(left, 0, width - 1), tf.clip_by_value(top, 0, height - 1)
    right = tf.clip_by_value(right, left + 1, width)
    bottom = tf.clip_by_value(bottom, top + 1, height)
    return image[top:bottom, left:right]


def fit_image(
    image: tf.Tensor,
    resize_to: int | tuple[int, int],
    image_size: tuple[int, int],
    *,
    name: tf.Tensor | str = "an image",
) -> tf.Tensor:
    """Resizes an image and keeps its centre.

    Resizing is bilinear with antialiasing and is left out where the size is right already.

    Args:
        image: uint8 `[height, width, channels]`.
        resize_to: `(height, width)`, or the length that the shorter side gets, which keeps the
            aspect ratio.
        image_size: `(height, width)` to cut from the centre, at most as large as the result of
            `resize_to`.
        name: What an error calls the image, a string scalar.

    Returns:
        uint8 `[*image_size, channels]`. Evaluating it raises a `tf.errors.InvalidArgumentError` for
        an image so narrow that, its shorter side brought to length, it would have more pixels than
        `image_header` allows.
    """
    shape = tf.shape(image)[:2]
    if isinstance(resize_to, int):
        scale = resize_to / tf.reduce_min(shape)
        new_shape = tf.round(tf.cast(shape, tf.float64) * scale)
        new_shape = image_header.checked_resized(new_shape, name)
    else:
        new_shape = tf.constant(resize_to)

    def resized() -> tf.Tensor:
        result = tf.image.resize(tf.cast(image, tf.float32), new_shape, antialias=True)
        return tf.saturate_cast(tf.round(result), tf.uint8)

    image = tf.cond(tf.reduce_all(shape == new_shape), lambda: image, resized)
    top, left = tf.unstack((new_shape - tf.constant(image_size)) // 2)
    image = image[top : top + image_size[0], left : left + image_size[1]]
    return tf.ensure_shape(image, [*image_size, image.shape[-1]])


def unit_range(image: tf.Tensor) -> tf.Tensor:
    """uint8 values as float32 in [0, 1]."""
    return tf.cast(image, tf.float32) / 255.0


def _decode_bmp(contents: tf.Tensor, channels: int) -> tf.Tensor:
    # TensorFlow takes the palette of an 8-bit BMP for grey levels, and knows no 1-bit BMP.
    def decode(data: bytes | np.ndarray) -> np.ndarray:
        # Bytes in a graph, an array of one such object in eager mode.
        data = np.asarray(data, object).item()
        with Image.open(io.BytesIO(data)) as image:
            image_header.check_size(image.size)
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
        return pixels.reshape(*pixels.shape[:2], channels)

    return tf.numpy_function(decode, [contents], tf.uint8, stateful=False)
