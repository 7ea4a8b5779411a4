"""Images in one folder, their masks in another."""

import os
import re
from collections.abc import Collection, Sequence

from rtml_tf.data.file_list import list_files
from rtml_tf.data.label_set import LabelSet
from rtml_tf.data.segmentation_files import SegmentationFiles


class MaskFolders(SegmentationFiles):
    """A folder of images and a folder of masks whose names follow from those of the images.

    An example's key is the path of its image below `image_folder`.

    Example: images `photos/a/1.jpg` and masks `masks/a/1_mask.png` are
    `MaskFolders(image_folder="photos", mask_folder="masks", files="**/*.jpg",
    mask_name=(r"\\.jpg$", "_mask.png"), ...)`.
    """

    def __init__(
        self,
        *,
        image_folder: str,
        mask_folder: str,
        label_set: LabelSet,
        image_size: tuple[int, int],
        files: str | Sequence[str] | None = None,
        list_file: str | None = None,
        leave_out: Collection[str] = (),
        mask_name: tuple[str, str] = (r"\.\w+$", ".png"),
        mask_size: tuple[int, int] | None = None,
        channels: int = 3,
        check_files: bool = True,
    ):
        """Lists the files and, unless told otherwise, decodes each once to check it.

        Args:
            image_folder: The folder of the images. A leading `~` is the home folder, here and in
                the other folders.
            mask_folder: The folder of the masks.
            label_set: What the masks write.
            image_size: `(height, width)` in pixels of the images that are handed out.
            files: Patterns of the images; see `file_list.list_files`.
            list_file: A file that names the images, instead of `files`.
            leave_out: Paths below `image_folder` of images that are not taken.
            mask_name: A regular expression and its replacement, which turn the path of an image
                below `image_folder` into that of its mask below `mask_folder`. The default
                exchanges the suffix.
            mask_size: Size of the masks that are handed out; `None` is `image_size`.
            channels: 1 (grey) or 3 (colour).
            check_files: Whether to find what is wrong now; see `SegmentationFiles`.

        Raises:
            ValueError: If `leave_out` names no image, an image's name does not fit `mask_name`,
                or for one of the reasons of
                `file_list.list_files` and `SegmentationFiles`.
        """
        keys = list_files(folder=image_folder, files=files, list_file=list_file)
        unknown = set(leave_out) - set(keys)
        if unknown:
            raise ValueError(
                f"leave_out names {min(unknown)!r}, which is none of {len(keys)} images."
            )
        keys = [key for key in keys if key not in leave_out]
        pattern, replacement = mask_name
        masks = [re.subn(pattern, replacement, key) for key in keys]
        unfit = [key for key, (_, replaced) in zip(keys, masks) if not replaced]
        if unfit:
            raise ValueError(
                f"mask_name={pattern!r} finds nothing to replace in {len(unfit)} of {len(keys)} "
                f"names, such as {unfit[0]!r}."
            )
        image_folder, mask_folder = (os.path.expanduser(f) for f in (image_folder, mask_folder))
        super().__init__(
            image_paths=[os.path.join(image_folder, key) for key in keys],
            mask_paths=[os.path.join(mask_folder, mask) for mask, _ in masks],
            keys=keys,
            label_set=label_set,
            image_size=image_size,
            mask_size=mask_size,
            channels=channels,
            check_files=check_files,
        )
