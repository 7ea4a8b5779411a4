"""SYNTHIA-RAND-CITYSCAPES: 9,400 rendered street scenes, mapped to the classes of Cityscapes."""

import os

from rtml_tf.data.cityscapes import cityscapes_classes
from rtml_tf.data.mask_folders import MaskFolders

# The readme of the data set numbers these classes; the names are those of Cityscapes.
_IDS = {
    1: "sky",
    2: "building",
    3: "road",
    4: "sidewalk",
    5: "fence",
    6: "vegetation",
    7: "pole",
    8: "car",
    9: "traffic sign",
    10: "person",
    11: "bicycle",
    12: "motorcycle",
    15: "traffic light",
    16: "terrain",
    17: "rider",
    18: "truck",
    19: "bus",
    20: "train",
    21: "wall",
}
# 0 void, 13 parking slot, 14 road work and 22 lane marking are left out in the literature.
_LARGEST_ID = 22


def synthia(
    *,
    root: str,
    image_size: tuple[int, int],
    num_classes: int = 19,
    list_file: str | None = None,
    check_files: bool = False,
) -> MaskFolders:
    """SYNTHIA of Ros et al., "The SYNTHIA Dataset", CVPR 2016, in its part RAND-CITYSCAPES.

    The layout is `root/RGB/*.png` and `root/GT/LABELS/*.png`, 16-bit masks with the id in the first
    of their channels.

    Args:
        root: The folder that holds `RGB` and `GT`.
        image_size: `(height, width)` in pixels; the files are 760x1280.
        num_classes: 19 (of which three do not occur), 16 or 13; see `cityscapes_classes`.
        list_file: A file with the name of an image on each line; `None` takes all.
        check_files: Whether to find what is wrong now; decoding all files takes long.

    Raises:
        ValueError: As `MaskFolders` and `cityscapes_classes`.
    """
    return MaskFolders(
        image_folder=os.path.join(root, "RGB"),
        mask_folder=os.path.join(root, "GT", "LABELS"),
        files="*.png" if list_file is None else None,
        list_file=list_file,
        label_set=cityscapes_classes(count=num_classes, ids=_IDS, largest_id=_LARGEST_ID),
        image_size=image_size,
        check_files=check_files,
    )
