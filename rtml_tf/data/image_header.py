"""The size of an encoded image, looked at before it is decoded.

A file of some kilobytes can say that it holds gigabytes of pixels, or become as many when it is
resized. What decodes files from elsewhere asks here first.
"""

import tensorflow as tf

_PNG, _JPEG, _BMP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM"
_PARAMETER = "runtime.configure.max_image_pixels"

_most_pixels = 100_000_000


def limit_pixels(most: int) -> None:
    """Sets how many pixels an image may have, in pipelines that are made from now on.

    Args:
        most: Pixels, height times width; 100 million unless set.

    Raises:
        ValueError: If there would be no image left.
    """
    global _most_pixels  # One limit for the whole process, like a seed.
    if most < 1:
        raise ValueError(f"max_image_pixels must be at least 1, got {most}.")
    _most_pixels = most


def check_size(size: tuple[int, int]) -> None:
    """Refuses an image by its width and height in pixels.

    Raises:
        ValueError: If it has more pixels than are allowed.
    """
    if size[0] * size[1] > _most_pixels:
        raise ValueError(f"{_too_large()}{size[0]}x{size[1]}")


def checked(contents: tf.Tensor, *, bmp: bool = True) -> tf.Tensor:
    """An encoded image as it is, if it is of a known format and not too large to be decoded.

    TensorFlow's decoders would read other formats too, GIF for one, however large they are.

    Args:
        contents: string scalar, the content of a JPEG, PNG or BMP file. The size of a BMP file is
            not looked at: whoever decodes it asks `check_size`.
        bmp: Whether it may be a BMP file.

    Returns:
        `contents`. Evaluating it raises a `tf.errors.InvalidArgumentError` if the file is of
        another format, or says that it has more pixels than are allowed.
    """
    is_jpeg, is_png = _starts_with(contents, _JPEG), _starts_with(contents, _PNG)
    size = tf.case(
        [(is_jpeg, lambda: _jpeg_size(contents)), (is_png, lambda: _png_size(contents))],
        default=lambda: tf.zeros([2], tf.int64),
        exclusive=False,
    )
    few = tf.reduce_prod(tf.cast(size, tf.float64)) <= _most_pixels
    text = tf.strings.reduce_join(tf.strings.as_string(size[::-1]), separator="x")
    known, formats = is_jpeg | is_png, "JPEG or PNG"
    if bmp:
        known, formats = known | is_bmp(contents), "JPEG, PNG or BMP"
    checks = [
        tf.debugging.Assert(known, [f"Unknown image file format, expected {formats}"]),
        tf.debugging.Assert(few, [_too_large() + text]),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(contents)


def is_bmp(contents: tf.Tensor) -> tf.Tensor:
    """bool scalar: whether an encoded image, a string scalar, is a BMP file."""
    return _starts_with(contents, _BMP)


def checked_resized(size: tf.Tensor, name: tf.Tensor | str) -> tf.Tensor:
    """The size that an image is to be resized to as it is, if it is not too large.

    Args:
        size: float64 `[2]`, whole numbers, `(height, width)` in pixels.
        name: What an error calls the image.

    Returns:
        int32 `[2]`. Evaluating it raises a `tf.errors.InvalidArgumentError` if it is more pixels
        than an image may have.
    """
    few = tf.reduce_prod(size) <= _most_pixels
    text = f"would have more than {_most_pixels} pixels ({_PARAMETER}) when it is resized to"
    # No strings are joined, which would take time with each image.
    width, height = tf.cast(size[1], tf.int64), tf.cast(size[0], tf.int64)
    message = [name, text, width, "x", height]
    with tf.control_dependencies([tf.debugging.Assert(few, message)]):
        return tf.cast(size, tf.int32)


def _too_large() -> str:
    return f"it has more than {_most_pixels} pixels ({_PARAMETER}): "


def _starts_with(contents: tf.Tensor, start: bytes) -> tf.Tensor:
    return tf.equal(tf.strings.substr(contents, 0, len(start)), start)


def _jpeg_size(contents: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.io.extract_jpeg_shape(contents)[:2], tf.int64)


def _png_size(contents: tf.Tensor) -> tf.Tensor:
    # What follows makes up for a file that ends before its size; the decoder will say so.
    head = tf.strings.join([tf.strings.substr(contents, 0, 24), bytes(24)])
    field = tf.strings.substr(head, 16, 8)
    width_and_height = tf.io.decode_raw(field, tf.int32, little_endian=False)
    return tf.cast(width_and_height[::-1], tf.int64)
