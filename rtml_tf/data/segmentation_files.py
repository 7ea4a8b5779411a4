"""A segmentation source that decodes its images and masks from files."""

import os
from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.data import image_check, image_decoding, mask_decoding
from rtml_tf.data.image_size import checked_size
from rtml_tf.data.label_set import LabelSet
from rtml_tf.data.segmentation_source import SegmentationSource

# Enough to see a pattern in what is wrong, few enough to read.
_NAMED_FILES = 5


class SegmentationFiles(SegmentationSource):
    """Image files and, for each, a mask file (PNG), brought to one size.

    Images are resized as a whole, whatever their aspect ratio: bilinearly, with antialiasing.
    Masks are resized to the nearest pixels. Image formats are those of
    `image_decoding.read_image`.

    Attributes:
        image_paths: The `N` image files.
        mask_paths: The `N` mask files.
    """

    image_paths: tuple[str, ...]
    mask_paths: tuple[str, ...]

    def __init__(
        self,
        *,
        image_paths: Sequence[str],
        mask_paths: Sequence[str],
        keys: Sequence[str],
        label_set: LabelSet,
        image_size: tuple[int, int],
        mask_size: tuple[int, int] | None = None,
        channels: int = 3,
        check_files: bool = True,
    ):
        """Takes the files and, unless told otherwise, decodes each of them once to check it.

        Args:
            image_paths: The images.
            mask_paths: The mask of each image, of the same size as its image.
            keys: A unique name for each image.
            label_set: What the masks write.
            image_size: `(height, width)` in pixels of the images that are handed out.
            mask_size: The same of the masks; `None` is `image_size`.
            channels: 1 (grey) or 3 (colour); images of the other kind are converted.
            check_files: Whether to decode everything now, in parallel, and to report the files
                that are wrong. Otherwise the first of them that a pipeline meets stops it, with a
                `tf.errors.InvalidArgumentError` that says the same.

        Raises:
            ValueError: If an argument is out of range, there is no file, masks are missing, a file
                cannot be read, a mask is not as large as its image, or has something written that
                `label_set` does not know.
        """
        if channels not in (1, 3):
            raise ValueError(f"channels must be 1 or 3, got {channels!r}.")
        if not image_paths or not len(image_paths) == len(mask_paths) == len(keys):
            raise ValueError(
                "image_paths, mask_paths and keys must be of one length and not empty, got "
                f"{len(image_paths)}, {len(mask_paths)} and {len(keys)}."
            )
        self.image_paths = tuple(image_paths)
        self.mask_paths = tuple(mask_paths)
        self.keys = tuple(keys)
        self.label_set = label_set
        self.image_shape = (*checked_size("image_size", image_size), channels)
        self.mask_size = checked_size("mask_size", image_size if mask_size is None else mask_size)
        by_colour = label_set.by_colour
        self._read_mask = mask_decoding.read_colours if by_colour else mask_decoding.read_ids
        # Eager tensors are handed to the pipelines once; constants would be copied into each.
        self._images = tf.constant([os.fsencode(path) for path in image_paths])
        self._masks = tf.constant([os.fsencode(path) for path in mask_paths])
        self._numbers = tf.constant(label_set.table())
        missing = [path for path in mask_paths if not os.path.isfile(path)]
        if missing:
            raise ValueError(
                f"{len(missing)} of {len(mask_paths)} images have no mask: {_some(missing)}."
            )
        if check_files:
            self._check_files()

    def load(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image, mask, problem = self._read(index)
        sound = tf.debugging.Assert(tf.strings.length(problem) == 0, [problem])
        with tf.control_dependencies([sound]):
            return image_decoding.unit_range(image), tf.identity(mask)

    def load_image(self, index: tf.Tensor) -> tf.Tensor:
        image = self._read_image(index)
        size = self.image_shape[:2]
        return image_decoding.unit_range(image_decoding.fit_image(image, size, size))

    def _read(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The image, the mask, and what is wrong with them, a string that is empty if nothing."""
        image, path = self._read_image(index), tf.gather(self._masks, index)
        written = image_decoding.read_or_name_it(self._read_mask, path, tf.zeros([0, 0], tf.int32))
        mask = tf.cast(tf.gather(self._numbers, written), tf.int32)
        size, wanted = tf.shape(mask), tf.shape(image)[:2]
        problem = tf.case(
            [
                (tf.reduce_any(size != wanted), lambda: _wrong_size(path, size, wanted)),
                (tf.reduce_any(mask < 0), lambda: self._unknown(path, written, mask)),
            ],
            default=lambda: "",
            exclusive=False,
        )
        image = image_decoding.fit_image(image, self.image_shape[:2], self.image_shape[:2])
        return image, mask_decoding.fit_mask(mask, self.mask_size), problem

    def _read_image(self, index: tf.Tensor) -> tf.Tensor:
        path = tf.gather(self._images, index)
        return image_decoding.read_image_or_name_it(path, self.image_shape[-1])

    def _unknown(self, path: tf.Tensor, written: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        first = tf.boolean_mask(written, mask < 0)[0]
        if self.label_set.by_colour:
            parts = [first // (1 << 16), first // (1 << 8) % 256, first % 256]
            what = [
                "the colour (",
                tf.strings.reduce_join(tf.as_string(parts), separator=", "),
                ")",
            ]
        else:
            what = ["the id ", tf.as_string(first)]
        return tf.strings.join([path, " has ", *what, ", neither a class nor ignored"])

    def _check_files(self) -> None:
        def problem_of(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            image, mask, problem = self._read(index)
            # Keeps graph optimisation from leaving out a decoding whose result nobody uses.
            return index, tf.cond(tf.size(image) + tf.size(mask) > 0, lambda: problem, lambda: "")

        problems = tf.data.Dataset.range(len(self)).map(problem_of, tf.data.AUTOTUNE)
        # A file that cannot be read fails, drops out here, and is known by its absence.
        found = {int(i): text.decode() for i, text in problems.ignore_errors().as_numpy_iterator()}
        wrong = [found.get(i, "") for i in range(len(self)) if found.get(i)]
        wrong += [self._why_unreadable(i) for i in range(len(self)) if i not in found]
        if wrong:
            raise ValueError(f"{len(wrong)} of {len(self)} examples are unsound: {_some(wrong)}.")

    def _why_unreadable(self, index: int) -> str:
        channels = self.image_shape[-1]
        reads = {
            self.image_paths[index]: lambda path: image_decoding.read_image(path, channels),
            self.mask_paths[index]: self._read_mask,
        }
        for path, read in reads.items():
            reason = image_check.failure_of(read, path)
            if reason is not None:
                return f"{path} cannot be read ({reason})"
        return f"{self.image_paths[index]} could be read at the second attempt"


def _wrong_size(path: tf.Tensor, size: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    size, wanted = (
        tf.strings.reduce_join(tf.as_string(pair), separator="x") for pair in (size, wanted)
    )
    return tf.strings.join([path, " is ", size, " pixels, its image ", wanted])


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_FILES
    return "; ".join(names[:_NAMED_FILES]) + (f"; and {more} more" if more > 0 else "")
