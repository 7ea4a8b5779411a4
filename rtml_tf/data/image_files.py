"""A source that decodes its images from files."""

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from rtml_tf.data import image_check, image_decoding
from rtml_tf.data.image_size import checked_size
from rtml_tf.data.source import ImageSource

# Enough to see a pattern in what is wrong, few enough to read.
_NAMED_FILES = 5


class ImageFiles(ImageSource):
    """Labelled image files, brought to one size and one number of channels.

    Formats are those of `image_decoding.read_image`. Pixels are 8 bits a channel, as `k / 255`.

    Attributes:
        paths: The `N` files, in the order of `keys`.
        boxes: int32 `[N, 4]`, what is cut out of each file, or None.
        checked: Whether every file was decoded once, so that none is unreadable.
    """

    paths: tuple[str, ...]
    boxes: np.ndarray | None
    checked: bool

    def __init__(
        self,
        *,
        paths: Sequence[str],
        keys: Sequence[str],
        labels: Sequence[int] | np.ndarray,
        class_names: Sequence[str],
        image_size: tuple[int, int],
        channels: int = 3,
        resize_to: int | tuple[int, int] | None = None,
        boxes: np.ndarray | None = None,
        check_images: bool = True,
        skip_unreadable: bool = False,
    ):
        """Takes the files and, unless told otherwise, decodes each of them once to check it.

        Args:
            paths: The files.
            keys: A unique name for each file.
            labels: The class of each file, `0..C-1`.
            class_names: The names of the `C` classes.
            image_size: `(height, width)` in pixels of the images that are handed out.
            channels: 1 (grey) or 3 (colour); files of the other kind are converted.
            resize_to: Images are first resized to this `(height, width)`, or so that the shorter
                side has this length and the aspect ratio stays; then their centre of `image_size`
                is cut out. `None` resizes to `image_size` itself, whatever the aspect ratio.
            boxes: int `[N, 4]`, the `(left, top, right, bottom)` in pixels of what is cut out of
                each file before that; see `image_decoding.cut_box`. `None` cuts out nothing.
            check_images: Whether to decode every file now, in parallel, and to report those that
                fail. Otherwise the first unreadable file that a pipeline meets stops it, with a
                `tf.errors.InvalidArgumentError` that names the file; reading is then a little
                slower.
            skip_unreadable: Leaves unreadable files out, and says so in the log, instead of raising
                an error. Needs `check_images`.

        Raises:
            ValueError: If an argument is out of range, there is no file, a file is unreadable and
                not to be skipped, or a class is left without a readable file.
        """
        if channels not in (1, 3):
            raise ValueError(f"channels must be 1 or 3, got {channels!r}.")
        if skip_unreadable and not check_images:
            raise ValueError(
                "skip_unreadable=True needs check_images=True: only a check finds the unreadable "
                "images."
            )
        if not paths:
            raise ValueError("paths must name at least one image, got none.")
        self._image_size = checked_size("image_size", image_size)
        self._resize_to = checked_resize(resize_to, self._image_size)
        self.resize_to = None if resize_to is None else self._resize_to
        self.checked = check_images
        unreadable = image_check.find_unreadable(paths, channels) if check_images else []
        if unreadable:
            named = _named(unreadable, len(paths), channels)
            if not skip_unreadable:
                raise ValueError(
                    f"{named}. Repair or remove them, or leave them out with skip_unreadable=True."
                )
            logging.warning("%s. They are left out.", named)
        left_out = set(unreadable)
        kept = np.array([i for i, path in enumerate(paths) if path not in left_out], np.int64)
        self.paths = tuple(paths[i] for i in kept)
        self.keys = tuple(keys[i] for i in kept)
        self.labels = np.asarray(labels, np.int32)[kept]
        self.class_names = tuple(class_names)
        self.image_shape = (*self._image_size, channels)
        self.boxes = None if boxes is None else np.asarray(boxes, np.int32)[kept]
        self._box_tensor = None if boxes is None else tf.constant(self.boxes)
        empty = np.flatnonzero(np.bincount(self.labels, minlength=self.num_classes) == 0)
        if empty.size:
            raise ValueError(
                f"Class {class_names[empty[0]]!r} has no readable image ({empty.size} of "
                f"{self.num_classes} classes have none)."
            )
        # An eager tensor is handed to the pipelines once; a constant would be copied into each.
        self._path_tensor = tf.constant([os.fsencode(path) for path in self.paths])

    def load(self, index: tf.Tensor) -> tf.Tensor:
        path = tf.gather(self._path_tensor, index)
        if self.checked:
            image = image_decoding.read_image(path, self.image_shape[-1], measured=True)
        else:
            image = image_decoding.read_image_or_name_it(path, self.image_shape[-1])
        if self._box_tensor is not None:
            image = image_decoding.cut_box(image, tf.gather(self._box_tensor, index))
        image = image_decoding.fit_image(image, self._resize_to, self._image_size, name=path)
        return image_decoding.unit_range(image)


def _named(unreadable: Sequence[str], total: int, channels: int) -> str:
    lines = [
        f"{path} ({image_check.why_unreadable(path, channels)})"
        for path in unreadable[:_NAMED_FILES]
    ]
    if len(unreadable) > _NAMED_FILES:
        lines.append(f"and {len(unreadable) - _NAMED_FILES} more")
    return f"{len(unreadable)} of {total} images cannot be read: {', '.join(lines)}"


def checked_resize(
    value: int | Sequence[int] | None, image_size: tuple[int, int]
) -> int | tuple[int, int]:
    """Returns `resize_to` as `image_decoding.fit_image` takes it.

    Args:
        value: `(height, width)`, the length of the shorter side, or None for `image_size`.
        image_size: `(height, width)` that is cut out afterwards.

    Raises:
        ValueError: If there would not be enough to cut out.
    """
    if value is None:
        return image_size
    size = value if isinstance(value, int) else checked_size("resize_to", value)
    smallest = (size, size) if isinstance(size, int) else size
    if smallest[0] < image_size[0] or smallest[1] < image_size[1]:
        raise ValueError(
            f"resize_to must leave at least image_size={image_size} to cut out, got {value!r}."
        )
    return size
