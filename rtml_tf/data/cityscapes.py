"""Cityscapes: its layout, and the 19 classes that GTA5 and SYNTHIA are mapped to."""

import os
from collections.abc import Mapping

from rtml_tf.data.label_set import LabelSet
from rtml_tf.data.mask_folders import MaskFolders
from rtml_tf.data.unlabelled import UnlabelledImages

# Ids, names and colours of `cityscapesscripts/helpers/labels.py` (Cordts et al., CVPR 2016), in the
# order of their train ids.
_CLASSES = {
    "road": (7, (128, 64, 128)),
    "sidewalk": (8, (244, 35, 232)),
    "building": (11, (70, 70, 70)),
    "wall": (12, (102, 102, 156)),
    "fence": (13, (190, 153, 153)),
    "pole": (17, (153, 153, 153)),
    "traffic light": (19, (250, 170, 30)),
    "traffic sign": (20, (220, 220, 0)),
    "vegetation": (21, (107, 142, 35)),
    "terrain": (22, (152, 251, 152)),
    "sky": (23, (70, 130, 180)),
    "person": (24, (220, 20, 60)),
    "rider": (25, (255, 0, 0)),
    "car": (26, (0, 0, 142)),
    "truck": (27, (0, 0, 70)),
    "bus": (28, (0, 60, 100)),
    "train": (31, (0, 80, 100)),
    "motorcycle": (32, (0, 0, 230)),
    "bicycle": (33, (119, 11, 32)),
}
_LARGEST_ID = 33
_IMAGE_FILES = "*/*_leftImg8bit.png"
# GTA5 and Cityscapes have all of them. SYNTHIA has no terrain, truck and train; its results are
# reported over the other 16, or over the 13 that are neither thin nor rare (Tsai et al., CVPR
# 2018).
_LEFT_OUT = {
    19: (),
    16: ("terrain", "truck", "train"),
    13: ("wall", "fence", "pole", "terrain", "truck", "train"),
}


def cityscapes_classes(
    *, count: int = 19, ids: Mapping[int, str] | None = None, largest_id: int = _LARGEST_ID
) -> LabelSet:
    """The classes that adaptation to Cityscapes is reported for, in the order of their train ids.

    Args:
        count: 19, or 16 or 13 of them for SYNTHIA; pixels of the others are ignored.
        ids: The class name by the id in mask files; `None` for those of `*_labelIds.png`.
        largest_id: Ids up to this one that are no class are ignored; there are no larger ones.

    Raises:
        ValueError: If `count` is something else.
    """
    if count not in _LEFT_OUT:
        raise ValueError(f"count must be one of {tuple(_LEFT_OUT)} classes, got {count!r}.")
    if ids is None:
        ids = {number: name for name, (number, _) in _CLASSES.items()}
    labels = LabelSet(
        class_names=tuple(_CLASSES),
        palette=[colour for _, colour in _CLASSES.values()],
        classes_of=ids,
        ignored=[number for number in range(largest_id + 1) if number not in ids],
    )
    return labels.only([name for name in _CLASSES if name not in _LEFT_OUT[count]])


def cityscapes(
    *,
    root: str,
    part: str,
    image_size: tuple[int, int],
    mask_size: tuple[int, int] | None = None,
    num_classes: int = 19,
    list_file: str | None = None,
    check_files: bool = True,
) -> MaskFolders:
    """Cityscapes with its fine masks.

    The layout is `root/leftImg8bit/<part>/<city>/*_leftImg8bit.png` for the images and
    `root/gtFine/<part>/<city>/*_gtFine_labelIds.png` for the masks.

    Args:
        root: The folder that holds `leftImg8bit` and `gtFine`.
        part: "train" (2,975 images) or "val" (500).
        image_size: `(height, width)` in pixels; the files are 1024x2048.
        mask_size: Size of the masks; `None` is `image_size`.
        num_classes: 19, 16 or 13; see `cityscapes_classes`.
        list_file: A file with a path below `leftImg8bit/<part>` on each line; `None` takes all.
        check_files: Whether to find what is wrong now; see `SegmentationFiles`.

    Raises:
        ValueError: As `MaskFolders` and `cityscapes_classes`.
    """
    return MaskFolders(
        image_folder=os.path.join(root, "leftImg8bit", part),
        mask_folder=os.path.join(root, "gtFine", part),
        files=_IMAGE_FILES if list_file is None else None,
        list_file=list_file,
        mask_name=("_leftImg8bit\\.png$", "_gtFine_labelIds.png"),
        label_set=cityscapes_classes(count=num_classes),
        image_size=image_size,
        mask_size=mask_size,
        check_files=check_files,
    )


def cityscapes_images(
    *,
    root: str,
    part: str,
    image_size: tuple[int, int],
    list_file: str | None = None,
    check_images: bool = True,
) -> UnlabelledImages:
    """The images of a part of Cityscapes, for which no masks need exist.

    Args:
        root: The folder that holds `leftImg8bit`.
        part: "train" (2,975 images), "val" (500) or "test" (1,525).
        image_size: `(height, width)` in pixels; the files are 1024x2048.
        list_file: A file with a path below `leftImg8bit/<part>` on each line; `None` takes all.
        check_images: Whether to find unreadable files now; see `ImageFiles`.

    Raises:
        ValueError: As `UnlabelledImages`.
    """
    return UnlabelledImages(
        folder=os.path.join(root, "leftImg8bit", part),
        files=_IMAGE_FILES if list_file is None else None,
        list_file=list_file,
        image_size=image_size,
        check_images=check_images,
    )
