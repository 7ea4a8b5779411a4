"""A source whose images are in a few large files."""

import os
import pathlib
import zlib

import numpy as np
import tensorflow as tf

from rtml_tf.data import image_decoding, packed_index
from rtml_tf.data.example_keys import check_unique_keys
from rtml_tf.data.image_files import checked_resize
from rtml_tf.data.image_size import checked_size
from rtml_tf.data.packed_record import image_of
from rtml_tf.data.shard_table import PackedError
from rtml_tf.data.source import ImageSource


class PackedImages(ImageSource):
    """What `packing.pack` wrote, in any order: labels, names and images are those of its source.

    An image is read by itself, from its place in its shard. What is read is compared with the
    checksum in the shard's table, so that a shard that was damaged or edited since stops the
    pipeline with a `tf.errors.InvalidArgumentError` that names shard, record and image. So does an
    image that cannot be decoded, unless its source had checked all images when they were packed;
    reading is then faster.

    Attributes:
        folder: Where the shards are.
    """

    def __init__(
        self,
        *,
        folder: str,
        image_size: tuple[int, int],
        channels: int = 3,
        resize_to: int | tuple[int, int] | None = None,
        verify: bool = False,
    ):
        """Reads the index and looks at the sizes of the shards.

        Args:
            folder: The folder of packed images. A leading `~` is the home folder.
            image_size: `(height, width)` in pixels of the images that are handed out.
            channels: 1 (grey) or 3 (colour); images of the other kind are converted.
            resize_to: Size before the centre is cut out; see `ImageFiles`.
            verify: Whether to read all shards now and compare their checksums.

        Raises:
            ValueError: If an argument is out of range, there is no index, or a file is missing,
                damaged or not of this pack.
        """
        if channels not in (1, 3):
            raise ValueError(f"channels must be 1 or 3, got {channels!r}.")
        self._image_size = checked_size("image_size", image_size)
        self._resize_to = checked_resize(resize_to, self._image_size)
        self.resize_to = None if resize_to is None else self._resize_to
        self.image_shape = (*self._image_size, channels)
        self.folder = pathlib.Path(folder).expanduser()
        index = packed_index.read_index(self.folder)
        tables = index.tables
        self._checked = index.checked
        self.class_names = index.class_names
        self._shards = [
            str(packed_index.shard_path(self.folder, number, len(tables)))
            for number in range(len(tables))
        ]
        for shard, table in zip(self._shards, tables):
            table.check(pathlib.Path(shard), whole=verify)
        self.keys = tuple(key for table in tables for key in table.keys)
        self.labels = np.concatenate([table.labels for table in tables])
        self._check_labels()
        check_unique_keys(self.keys, place=str(self.folder))
        self._ends = np.cumsum([len(table.keys) for table in tables])
        self._starts = np.concatenate([table.starts for table in tables])
        self._lengths = np.concatenate([table.lengths for table in tables])
        self._checksums = np.concatenate([table.checksums for table in tables])
        self._boxes = None
        if tables[0].boxes is not None:
            self._boxes = tf.constant(np.concatenate([table.boxes for table in tables]))

    def load(self, index: tf.Tensor) -> tf.Tensor:
        # In one array: each output of such a function takes as long as reading does. Without a
        # state, or TensorFlow in its deterministic mode would read one image after the other.
        read = tf.numpy_function(self._read, [index], tf.string, stateful=False)
        content, problem, place = tf.unstack(tf.ensure_shape(read, [3]))
        with tf.control_dependencies([tf.debugging.Assert(problem == "", [place + problem])]):
            content = tf.identity(content)
        image = self._decode(content) if self._checked else self._decode_or_name(content, place)
        if self._boxes is not None:
            image = image_decoding.cut_box(image, tf.gather(self._boxes, index))
        image = image_decoding.fit_image(image, self._resize_to, self._image_size, name=place)
        return image_decoding.unit_range(image)

    def _decode(self, content: tf.Tensor) -> tf.Tensor:
        return image_decoding.decode_image(content, self.image_shape[-1])

    def _decode_or_name(self, content: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        nothing = tf.zeros([0, 0, self.image_shape[-1]], tf.uint8)
        return image_decoding.read_or_name_it(lambda _: self._decode(content), place, nothing)

    def _read(self, index: np.ndarray) -> np.ndarray:
        """The image file, what is wrong, and the place; an error would arrive as a traceback."""
        number = int(index)
        shard = int(np.searchsorted(self._ends, number, side="right"))
        record = number - (int(self._ends[shard - 1]) if shard else 0)
        content, problem = b"", ""
        try:
            with open(self._shards[shard], "rb", buffering=0) as file:
                file.seek(self._starts[number])
                content = file.read(self._lengths[number])
            if zlib.crc32(content) == self._checksums[number]:
                content = image_of(content)
            else:
                problem = " is not what was packed: its checksum differs"
        except OSError as error:
            problem = f" cannot be read: {error.strerror}"
        except ValueError as error:
            problem = f" is no packed image: {error}"
        place = f"{self._shards[shard]}, record {record} ({self.keys[number]})"
        return np.array([content, problem.encode(), os.fsencode(place)], object)

    def _check_labels(self) -> None:
        count = len(self.class_names)
        absent = np.setdiff1d(np.arange(count), self.labels)
        if absent.size or self.labels.max() >= count:
            raise PackedError(
                f"{self.folder} must have images of every class from 0 to {count - 1} and no "
                f"other, got labels up to {self.labels.max()} and none of {absent.size} classes."
            )
