"""CamVid: road scenes of a few drives, one of them at dusk."""

import os
from collections.abc import Collection

from rtml_tf.data.file_list import list_files
from rtml_tf.data.label_set import LabelSet
from rtml_tf.data.segmentation_files import SegmentationFiles

_PARTS = ("train", "val", "test")

# The 11 classes of Badrinarayanan et al. ("SegNet", PAMI 2017) in the order of their ids, with the
# colours of the original 32 classes that each is named after.
_CLASSES = {
    "sky": (128, 128, 128),
    "building": (128, 0, 0),
    "pole": (192, 192, 128),
    "road": (128, 64, 128),
    "pavement": (0, 0, 192),
    "tree": (128, 128, 0),
    "sign": (192, 128, 128),
    "fence": (64, 64, 128),
    "car": (64, 0, 128),
    "pedestrian": (64, 64, 0),
    "cyclist": (0, 128, 192),
}


def camvid_classes() -> LabelSet:
    """The 11 classes, ids 0 to 10; id 11 is void."""
    return LabelSet(
        class_names=tuple(_CLASSES),
        palette=tuple(_CLASSES.values()),
        classes_of=dict(enumerate(_CLASSES)),
        ignored=(len(_CLASSES),),
    )


def camvid(
    *,
    root: str,
    sequences: Collection[str],
    image_size: tuple[int, int],
    mask_size: tuple[int, int] | None = None,
    check_files: bool = True,
) -> SegmentationFiles:
    """CamVid (Brostow et al. 2009) at 360x480 with 11 classes, by drive, in the order of time.

    The layout is `root/{train,val,test}/*.jpg` or `*.png` and `root/{train,val,test}annot/*.png`.
    The published parts cut through the drives, and neighbouring frames are near-duplicates: here
    all parts are read together and taken apart by drive. The name of a frame begins with that of
    its drive: `0001TP` (124 frames) is at dusk; `0006R0`, `0016E5` and `Seq05VD` (577) are by day.

    Args:
        root: The folder.
        sequences: The drives to take.
        image_size: `(height, width)` in pixels.
        mask_size: Size of the masks; `None` is `image_size`.
        check_files: Whether to find what is wrong now; see `SegmentationFiles`.

    Raises:
        ValueError: If a drive has no frame, or as `SegmentationFiles`.
    """
    root = os.path.expanduser(root)
    frames = list_files(folder=root, files=[f"{part}/*.[jp][pn]g" for part in _PARTS])
    found = {os.path.basename(frame).split("_")[0] for frame in frames}
    if not sequences or not set(sequences) <= found:
        raise ValueError(f"sequences must be some of {sorted(found)}, got {tuple(sequences)}.")
    taken = [frame for frame in frames if os.path.basename(frame).split("_")[0] in sequences]
    taken.sort(key=os.path.basename)
    folders = [os.path.split(frame) for frame in taken]
    return SegmentationFiles(
        image_paths=[os.path.join(root, frame) for frame in taken],
        mask_paths=[
            os.path.join(root, f"{folder}annot", os.path.splitext(name)[0] + ".png")
            for folder, name in folders
        ],
        keys=taken,
        label_set=camvid_classes(),
        image_size=image_size,
        mask_size=mask_size,
        check_files=check_files,
    )
