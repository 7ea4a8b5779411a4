"""Images that the annotation files of a data set list, with the data set's own split by class."""

import dataclasses
import os
from collections.abc import Mapping, Sequence

import numpy as np

from rtml_tf.data.image_files import ImageFiles
from rtml_tf.data.problems import listed

PARTS = ("train", "test", "all")


@dataclasses.dataclass(frozen=True)
class Annotation:
    """One image as it is annotated.

    Attributes:
        path: The file below the folder of all images, with slashes.
        class_number: Its class, as the data set numbers it.
        place: Where it is annotated, such as "images.txt, line 3".
        box: `(left, top, right, bottom)` of the object in pixels, where it is known: the first
            pixel is at 0, and right and bottom are no longer a part of it.
    """

    path: str
    class_number: int
    place: str
    box: tuple[int, int, int, int] | None = None


class AnnotatedImages(ImageFiles):
    """The annotated images of some classes, in the order of their annotations.

    Classes are sorted by the data set's numbers. A key is the path below `root`.

    Attributes:
        root: The folder of all images.
    """

    def __init__(
        self,
        *,
        root: str,
        annotations: Sequence[Annotation],
        class_names: Mapping[int, str],
        image_size: tuple[int, int],
        channels: int = 3,
        resize_to: int | tuple[int, int] | None = None,
        crop_to_box: bool = False,
        check_images: bool = True,
        skip_unreadable: bool = False,
    ):
        """Finds the files and, unless told otherwise, decodes every image once to check it.

        Args:
            root: The folder of all images.
            annotations: The images; those of classes that are not in `class_names` are left out.
            class_names: The names of the classes to keep, by the data set's number.
            image_size: `(height, width)` in pixels of the images that are handed out.
            channels: 1 (grey) or 3 (colour); files of the other kind are converted.
            resize_to: Size before the centre is cut out; see `ImageFiles`.
            crop_to_box: Whether to cut out the object first; every annotation then has a box.
            check_images: Whether to find unreadable files now; see `ImageFiles`.
            skip_unreadable: Whether to leave unreadable files out; see `ImageFiles`. A file that
                does not exist is always an error.

        Raises:
            ValueError: If an annotated file does not exist (with the place of its annotation), or
                for one of the reasons of `ImageFiles`.
        """
        self.root = root
        kept = [a for a in annotations if a.class_number in class_names]
        paths = [os.path.join(root, *annotation.path.split("/")) for annotation in kept]
        missing = [
            f"{annotation.place}: {path}"
            for annotation, path in zip(kept, paths)
            if not os.path.isfile(path)
        ]
        if missing:
            raise ValueError(f"Annotated images do not exist{listed(missing)}.")
        numbers = sorted(class_names)
        labels = {number: label for label, number in enumerate(numbers)}
        super().__init__(
            paths=paths,
            keys=[annotation.path for annotation in kept],
            labels=[labels[annotation.class_number] for annotation in kept],
            class_names=[class_names[number] for number in numbers],
            image_size=image_size,
            channels=channels,
            resize_to=resize_to,
            boxes=np.array([a.box for a in kept], np.int32) if crop_to_box else None,
            check_images=check_images,
            skip_unreadable=skip_unreadable,
        )


def classes_of_part(
    class_names: Mapping[int, str], part: str, *, train_classes: int
) -> dict[int, str]:
    """The classes of a part of a data set whose first classes are for training.

    Args:
        class_names: The names of all classes, by the data set's number.
        part: "train" for the classes with the lowest numbers, "test" for the others, "all".
        train_classes: How many classes "train" has.

    Raises:
        ValueError: If there is no such part, or one of the two would be empty.
    """
    check_part(part)
    if not 0 < train_classes < len(class_names):
        raise ValueError(
            f"train_classes must leave classes on both sides of {len(class_names)}, got "
            f"{train_classes}."
        )
    numbers = sorted(class_names)
    kept = {"train": numbers[:train_classes], "test": numbers[train_classes:], "all": numbers}
    return {number: class_names[number] for number in kept[part]}


def check_part(part: str) -> None:
    """Refuses, with a `ValueError`, a part that is not one of `PARTS`."""
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, got {part!r}.")
