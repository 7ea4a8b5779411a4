"""A source whose images are loaded once and then kept."""

import math
import os
import pathlib
import tempfile

import numpy as np
import tensorflow as tf

from rtml_tf.data import image_decoding
from rtml_tf.data.source import ImageSource
from rtml_tf.named_errors import errors_name

_IMAGES_AT_ONCE = 256


class CachedImages(ImageSource):
    """Keeps every image of another source in memory, or in a file, once it is loaded.

    All images are loaded when the cache is built; later epochs do not decode again. Every image
    comes back bit for bit as the other source loads it. Images whose pixels are whole multiples
    of 1/255, as those of files are, take one byte a value, others four.

    A cached image is handed over by Python, which takes about as long as decoding a JPEG file of
    112x112: caching pays where decoding takes longer.

    Take the part of a source that is needed (see `splits`) before caching it.

    The file is a place that may be larger than memory, not something that a later run takes up: it
    could not know whether the images are still the same. It is written anew and completely before
    it takes its name, so that two runs may use the same name.

    Attributes:
        source: The other source.
        num_bytes: Size of the cached images.
    """

    def __init__(self, *, source: ImageSource, file: str | None = None):
        """Loads all images of `source`.

        Args:
            source: Where the images come from.
            file: A file to keep them in; `None` keeps them in memory.

        Raises:
            ValueError: If the folder of `file` does not exist.
            OSError: If the disk has no room for it.
        """
        if file is not None and not os.path.isdir(os.path.dirname(os.path.abspath(file))):
            raise ValueError(f"file must lie in an existing folder, got {file!r}.")
        self.source = source
        self.labels = source.labels
        self.class_names = source.class_names
        self.keys = source.keys
        self.image_shape = source.image_shape
        self.resize_to = source.resize_to
        # One value that is no multiple of 1/255 sends all images to float32.
        images = _stored(source, np.uint8, file)
        self._images = _stored(source, np.float32, file) if images is None else images
        self.num_bytes = self._images.nbytes

    def load(self, index: tf.Tensor) -> tf.Tensor:
        image = tf.numpy_function(
            lambda i: self._images[i], [index], self._images.dtype, stateful=False
        )
        image = tf.ensure_shape(image, self.image_shape)
        return image_decoding.unit_range(image) if image.dtype == tf.uint8 else image


def _stored(source: ImageSource, dtype: type, file: str | None) -> np.ndarray | None:
    """All images as `[N, H, W, C]`, or None where `dtype` cannot hold them exactly."""
    shape = (len(source), *source.image_shape)
    if file is None:
        images = np.empty(shape, dtype)
        return images if _fill(images, source) else None
    folder, name = os.path.split(os.path.abspath(file))
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f"{name}.", delete=False) as stream:
        temporary = stream.name
    try:
        _allocate(temporary, math.prod(shape) * np.dtype(dtype).itemsize, pathlib.Path(file))
        images = np.memmap(temporary, dtype, "r+", shape=shape)
        if not _fill(images, source):
            return None
        images.flush()
        os.replace(temporary, file)
        return images
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def _allocate(temporary: str, num_bytes: int, file: pathlib.Path) -> None:
    """Takes the room on the disk: to write into memory of a file that has none ends the process."""
    with errors_name(file), open(temporary, "r+b") as stream:
        os.posix_fallocate(stream.fileno(), 0, num_bytes)


def _fill(images: np.ndarray, source: ImageSource) -> bool:
    dataset = tf.data.Dataset.range(len(source)).map(source.load, tf.data.AUTOTUNE)
    filled = 0
    for batch in dataset.batch(_IMAGES_AT_ONCE).as_numpy_iterator():
        stored = batch if images.dtype == np.float32 else np.rint(batch * 255.0).astype(np.uint8)
        if images.dtype == np.uint8:
            if not np.array_equal(image_decoding.unit_range(stored).numpy(), batch):
                return False
        images[filled : filled + len(batch)] = stored
        filled += len(batch)
    return True
