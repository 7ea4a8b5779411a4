"""Images without labels, as a source of its kind: what adaptation knows of the target."""

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.data.file_list import list_files
from rtml_tf.data.image_files import ImageFiles
from rtml_tf.data.segmentation_source import SegmentationSource
from rtml_tf.data.source import ImageSource

_CLASS_NAMES = ("unknown",)


class UnlabelledImages(ImageFiles):
    """Image files of one folder, all of one class, "unknown".

    An image's key is its path below the folder.
    """

    def __init__(
        self,
        *,
        folder: str,
        image_size: tuple[int, int],
        files: str | Sequence[str] | None = None,
        list_file: str | None = None,
        channels: int = 3,
        resize_to: int | tuple[int, int] | None = None,
        check_images: bool = True,
    ):
        """Lists the images and, unless told otherwise, decodes each once to check it.

        Args:
            folder: The folder. A leading `~` is the home folder.
            image_size: `(height, width)` in pixels of the images that are handed out.
            files: Patterns of the images; see `file_list.list_files`.
            list_file: A file that names the images, instead of `files`.
            channels: 1 (grey) or 3 (colour).
            resize_to: Size before the centre is cut out; see `ImageFiles`.
            check_images: Whether to find unreadable files now; see `ImageFiles`.

        Raises:
            ValueError: As `file_list.list_files` and `ImageFiles`.
        """
        keys = list_files(folder=folder, files=files, list_file=list_file)
        super().__init__(
            paths=[os.path.join(os.path.expanduser(folder), key) for key in keys],
            keys=keys,
            labels=np.zeros(len(keys), np.int32),
            class_names=_CLASS_NAMES,
            image_size=image_size,
            channels=channels,
            resize_to=resize_to,
            check_images=check_images,
        )


class WithoutMasks(ImageSource):
    """The images of a segmentation source, of whose masks none is handed out.

    Attributes:
        source: The segmentation source.
    """

    def __init__(self, *, source: SegmentationSource):
        """Hides the masks of `source`."""
        self.source = source
        self.labels = np.zeros(len(source), np.int32)
        self.class_names = _CLASS_NAMES
        self.keys = source.keys
        self.image_shape = source.image_shape

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return self.source.load_image(index)
