"""CUB-200-2011: birds of 200 species."""

import math
import os
from collections.abc import Callable, Mapping

from rtml_tf.data.annotated_images import AnnotatedImages, Annotation, classes_of_part
from rtml_tf.data.numbered_lines import NumberedLine, read_numbered_lines
from rtml_tf.data.problems import listed

_BOX_FIELDS = ("x", "y", "width", "height")


class CUB200(AnnotatedImages):
    """Caltech-UCSD Birds-200-2011 (Wah et al. 2011) in its official layout.

    `root` holds the folder `images` and the files `images.txt`, `image_class_labels.txt`,
    `classes.txt` and, for cropping, `bounding_boxes.txt`; other files are not read. The standard
    split of metric learning (Song et al. 2016) trains on the first 100 classes, 5,864 images, and
    tests on the other 100, 5,924 images.

    An example's key is its path below `images`; images keep the order of `images.txt`.
    """

    def __init__(
        self,
        *,
        root: str,
        part: str = "all",
        train_classes: int = 100,
        image_size: tuple[int, int],
        channels: int = 3,
        resize_to: int | tuple[int, int] | None = None,
        crop_to_box: bool = False,
        check_images: bool = True,
        skip_unreadable: bool = False,
    ):
        """Reads the annotations and, unless told otherwise, decodes every image to check it.

        Args:
            root: The folder of the data set. A leading `~` is the home folder.
            part: "train", "test" or "all".
            train_classes: How many classes "train" has.
            image_size: `(height, width)` in pixels of the images that are handed out.
            channels: 1 (grey) or 3 (colour).
            resize_to: Size before the centre is cut out; see `ImageFiles`.
            crop_to_box: Whether to cut out the bird first, at its bounding box.
            check_images: Whether to find unreadable files now; see `ImageFiles`.
            skip_unreadable: Whether to leave unreadable files out; see `ImageFiles`.

        Raises:
            ValueError: If a file is missing, a line of it is malformed or does not fit the other
                files (with its number), an image is missing, `part` is none of the three, or for
                one of the reasons of `ImageFiles`.
        """
        root = os.path.expanduser(root)
        classes = _lines(root, "classes.txt", {"name": str})
        images = _lines(root, "images.txt", {"path": str})
        labels = _lines(root, "image_class_labels.txt", {"class": int})
        _check_same_images(root, images, "image_class_labels.txt", labels)
        unknown = [
            f"line {line.line}: {line.values[0]}"
            for line in labels.values()
            if line.values[0] not in classes
        ]
        if unknown:
            raise ValueError(
                f"{os.path.join(root, 'image_class_labels.txt')} has classes that are not in "
                f"classes.txt{listed(unknown)}."
            )
        boxes = {}
        if crop_to_box:
            boxes = _lines(root, "bounding_boxes.txt", dict.fromkeys(_BOX_FIELDS, float))
            _check_same_images(root, images, "bounding_boxes.txt", boxes)
        super().__init__(
            root=os.path.join(root, "images"),
            annotations=[
                Annotation(
                    path=line.values[0],
                    class_number=labels[image].values[0],
                    place=f"images.txt, line {line.line}",
                    box=_box(*boxes[image].values) if crop_to_box else None,
                )
                for image, line in images.items()
            ],
            class_names=classes_of_part(
                {number: line.values[0] for number, line in classes.items()},
                part,
                train_classes=train_classes,
            ),
            image_size=image_size,
            channels=channels,
            resize_to=resize_to,
            crop_to_box=crop_to_box,
            check_images=check_images,
            skip_unreadable=skip_unreadable,
        )


def _lines(root: str, name: str, fields: Mapping[str, Callable]) -> dict[int, NumberedLine]:
    return read_numbered_lines(os.path.join(root, name), fields=fields)


def _check_same_images(
    root: str, images: dict[int, NumberedLine], name: str, others: dict[int, NumberedLine]
) -> None:
    problems = [
        f"images.txt, line {line.line}: image {image} is not in {name}"
        for image, line in images.items()
        if image not in others
    ] + [
        f"{name}, line {line.line}: image {image} is not in images.txt"
        for image, line in others.items()
        if image not in images
    ]
    if problems:
        raise ValueError(f"The files in {root} do not list the same images{listed(problems)}.")


def _box(x: float, y: float, width: float, height: float) -> tuple[int, int, int, int]:
    return math.floor(x), math.floor(y), math.ceil(x + width), math.ceil(y + height)
