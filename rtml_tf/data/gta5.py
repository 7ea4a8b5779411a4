"""GTA5 (Playing for Data): rendered street scenes with the classes of Cityscapes."""

import os

from absl import logging
from PIL import Image

from rtml_tf.data.cityscapes import cityscapes_classes
from rtml_tf.data.file_list import list_files
from rtml_tf.data.mask_folders import MaskFolders

# Its masks have the ids of Cityscapes, and one more for licence plates.
_LARGEST_ID = 34


def gta5(
    *,
    root: str,
    image_size: tuple[int, int],
    list_file: str | None = None,
    check_files: bool = False,
) -> MaskFolders:
    """GTA5 of Richter et al., "Playing for Data: Ground Truth from Computer Games", ECCV 2016.

    The layout is `root/images/*.png` and `root/labels/*.png`, masks with a palette whose places are
    the ids of Cityscapes. A few of the 24,966 masks are not as large as their images, and so do not
    fit them: these examples are left out, and the log names them. The sizes are found from the
    heads of the files, in seconds.

    Args:
        root: The folder that holds `images` and `labels`. A leading `~` is the home folder.
        image_size: `(height, width)` in pixels; most files are 1052x1914.
        list_file: A file with the name of an image on each line; `None` takes all.
        check_files: Whether to find what else is wrong now; decoding all files takes long.

    Raises:
        ValueError: As `MaskFolders`.
    """
    images, masks = (os.path.join(os.path.expanduser(root), f) for f in ("images", "labels"))
    files = "*.png" if list_file is None else None
    names = list_files(folder=images, files=files, list_file=list_file)
    unlike = [
        name for name in names if _unlike_sizes(*(os.path.join(f, name) for f in (images, masks)))
    ]
    if unlike:
        logging.warning("Masks that do not fit their images are left out: %s.", ", ".join(unlike))
    return MaskFolders(
        image_folder=images,
        mask_folder=masks,
        files=files,
        list_file=list_file,
        leave_out=unlike,
        label_set=cityscapes_classes(largest_id=_LARGEST_ID),
        image_size=image_size,
        check_files=check_files,
    )


def _unlike_sizes(image: str, mask: str) -> bool:
    # A file that is missing or damaged is another matter, and reported as such.
    try:
        with Image.open(image) as opened, Image.open(mask) as opened_mask:
            return opened.size != opened_mask.size
    except OSError:
        return False
