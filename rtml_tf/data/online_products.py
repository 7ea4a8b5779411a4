"""Stanford Online Products: products as they were offered on eBay."""

import os

from rtml_tf.data.annotated_images import AnnotatedImages, Annotation, check_part
from rtml_tf.data.numbered_lines import read_numbered_lines

_HEADER = "image_id class_id super_class_id path"
_FILES = {"train": ["Ebay_train.txt"], "test": ["Ebay_test.txt"]}
_FILES["all"] = _FILES["train"] + _FILES["test"]


class OnlineProducts(AnnotatedImages):
    """Stanford Online Products (Song et al. 2016, "Deep metric learning via lifted structured
    feature embedding") in its official layout.

    `root` holds the folders of the images and the files `Ebay_train.txt` and `Ebay_test.txt`, whose
    lines are `image_id class_id super_class_id path` below a line that says so. The standard split
    is the two files: 59,551 images of 11,318 classes and 60,502 images of 11,316 others.

    A class is called by its kind, which is the folder of its images, and its number, such as
    "bicycle 1". An example's key is its path; images keep the order of the files.
    """

    def __init__(
        self,
        *,
        root: str,
        part: str = "all",
        image_size: tuple[int, int],
        channels: int = 3,
        resize_to: int | tuple[int, int] | None = None,
        check_images: bool = True,
        skip_unreadable: bool = False,
    ):
        """Reads the annotations and, unless told otherwise, decodes every image to check it.

        Args:
            root: The folder of the data set. A leading `~` is the home folder.
            part: "train", "test" or "all".
            image_size: `(height, width)` in pixels of the images that are handed out.
            channels: 1 (grey) or 3 (colour).
            resize_to: Size before the centre is cut out; see `ImageFiles`.
            check_images: Whether to find unreadable files now; see `ImageFiles`.
            skip_unreadable: Whether to leave unreadable files out; see `ImageFiles`.

        Raises:
            ValueError: If a file is missing, a line of it is malformed (with its number), an image
                is missing, `part` is none of the three, or for one of the reasons of `ImageFiles`.
        """
        check_part(part)
        root = os.path.expanduser(root)
        annotations, class_names = [], {}
        for name in _FILES[part]:
            lines = read_numbered_lines(
                os.path.join(root, name),
                fields={"class_id": int, "super_class_id": int, "path": str},
                header=_HEADER,
            )
            for line in lines.values():
                class_number, _, path = line.values
                kind = os.path.dirname(path).removesuffix("_final")
                class_names.setdefault(class_number, f"{kind} {class_number}".strip())
                annotations.append(
                    Annotation(
                        path=path, class_number=class_number, place=f"{name}, line {line.line}"
                    )
                )
        super().__init__(
            root=root,
            annotations=annotations,
            class_names=class_names,
            image_size=image_size,
            channels=channels,
            resize_to=resize_to,
            check_images=check_images,
            skip_unreadable=skip_unreadable,
        )
