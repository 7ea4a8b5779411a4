"""Cars-196: photographs of 196 models of cars."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.io

from rtml_tf.data.annotated_images import AnnotatedImages, Annotation, classes_of_part
from rtml_tf.data.problems import listed

_BOX_FIELDS = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")


class Cars196(AnnotatedImages):
    """The Stanford Cars (Krause et al. 2013) in either of their official layouts.

    * One archive: `root` holds `cars_annos.mat` and the folder `car_ims`.
    * Two archives and a devkit: `root` holds the folders `cars_train`, `cars_test` and `devkit`
      with `cars_meta.mat` and `cars_train_annos.mat`; `cars_test_annos_withlabels.mat` lies in
      either `root` or `devkit`.

    Both have the same 16,185 images. Their own split is one of images, for classification; the
    standard split of metric learning (Song et al. 2016) is one of classes: the first 98, 8,054
    images, for training and the other 98, 8,131 images, for testing.

    An example's key is its path below `root`; images keep the order of the annotations.
    """

    def __init__(
        self,
        *,
        root: str,
        part: str = "all",
        train_classes: int = 98,
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
            channels: 1 (grey) or 3 (colour); some of the files are grey.
            resize_to: Size before the centre is cut out; see `ImageFiles`.
            crop_to_box: Whether to cut out the car first, at its bounding box.
            check_images: Whether to find unreadable files now; see `ImageFiles`.
            skip_unreadable: Whether to leave unreadable files out; see `ImageFiles`.

        Raises:
            ValueError: If `root` has neither layout, a file is not a MATLAB file with the expected
                content (with the number of the annotation), an image is missing, `part` is none of
                the three, or for one of the reasons of `ImageFiles`.
        """
        root = os.path.expanduser(root)
        names_file, tables = _layout(root)
        names = [str(name) for name in _variable(names_file, "class_names")]
        annotations = []
        for file, folder, path_field in tables:
            annotations += _annotations(file, folder, path_field, len(names))
        super().__init__(
            root=root,
            annotations=annotations,
            class_names=classes_of_part(
                dict(enumerate(names, start=1)), part, train_classes=train_classes
            ),
            image_size=image_size,
            channels=channels,
            resize_to=resize_to,
            crop_to_box=crop_to_box,
            check_images=check_images,
            skip_unreadable=skip_unreadable,
        )


def _layout(root: str) -> tuple[str, list[tuple[str, str, str]]]:
    """The file of the class names, and `(file, folder of its images, field of their paths)`."""
    whole = os.path.join(root, "cars_annos.mat")
    if os.path.isfile(whole):
        return whole, [(whole, "", "relative_im_path")]
    devkit = os.path.join(root, "devkit")
    tested = os.path.join(root, "cars_test_annos_withlabels.mat")
    if not os.path.isfile(tested):
        tested = os.path.join(devkit, "cars_test_annos_withlabels.mat")
    tables = [
        (os.path.join(devkit, "cars_train_annos.mat"), "cars_train", "fname"),
        (tested, "cars_test", "fname"),
    ]
    names = os.path.join(devkit, "cars_meta.mat")
    missing = [
        file for file in (names, *(table[0] for table in tables)) if not os.path.isfile(file)
    ]
    if missing:
        raise ValueError(
            f"root must hold cars_annos.mat, or a devkit; {root!r} lacks both the first and "
            f"{', '.join(missing)}."
        )
    return names, tables


def _variable(file: str, name: str) -> np.ndarray:
    """A variable of a MATLAB file as a one-dimensional array."""
    try:
        contents = scipy.io.loadmat(file, squeeze_me=True, variable_names=[name])
    except Exception as error:  # Damaged files raise almost anything.
        raise ValueError(f"{file} cannot be read as a MATLAB file: {error}.") from error
    if name not in contents:
        raise ValueError(f"{file} has no variable {name!r}.")
    return np.atleast_1d(contents[name])


def _annotations(file: str, folder: str, path_field: str, num_classes: int) -> list[Annotation]:
    records = _variable(file, "annotations")
    fields = (path_field, "class", *_BOX_FIELDS)
    lacking = [field for field in fields if field not in (records.dtype.names or ())]
    if lacking:
        raise ValueError(f"The annotations of {file} have no field {', '.join(lacking)}.")
    annotations, problems = [], []
    for number, record in enumerate(records, start=1):
        place = f"{os.path.basename(file)}, annotation {number}"
        try:
            path, class_number, *box = _values(record, fields, num_classes)
        except ValueError as error:
            problems.append(f"annotation {number}: {error}")
            continue
        left, top, right, bottom = box
        annotations.append(
            Annotation(
                path=f"{folder}/{path}" if folder else path,
                class_number=class_number,
                place=place,
                box=(left - 1, top - 1, right, bottom),  # MATLAB counts from 1.
            )
        )
    if problems:
        raise ValueError(f"{file} has malformed annotations{listed(problems)}.")
    return annotations


def _values(record: Any, fields: Sequence[str], num_classes: int) -> tuple[Any, ...]:
    path, *numbers = (record[field] for field in fields)
    if not isinstance(path, str) or not path:
        raise ValueError(f"expected a path as {fields[0]}, got {path!r}")
    for field, number in zip(fields[1:], numbers):
        if np.ndim(number) or not np.issubdtype(np.asarray(number).dtype, np.number):
            raise ValueError(f"expected a number as {field}, got {number!r}")
    class_number, *box = (int(number) for number in numbers)
    if not 1 <= class_number <= num_classes:
        raise ValueError(f"class must be in 1..{num_classes}, got {class_number}")
    return path, class_number, *box
