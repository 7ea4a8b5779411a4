"""Images in one folder per class."""

import os
from collections import Counter

from absl import logging

from rtml_tf.data.image_files import ImageFiles

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")


class ImageFolder(ImageFiles):
    """`root/class/*.{jpg,jpeg,png,bmp}`: each folder in `root` is a class, named like the folder.

    Suffixes count in lower and upper case. Classes, and the images of a class, are sorted by the
    code points of their names, so that the order is the same on every machine. Hidden files and
    folders (with a leading dot) are ignored; so are, with a line in the log, files with another
    suffix, files directly in `root`, and folders within a class. Links are followed.

    An example's key is its path below `root`, as `class/file`.

    Attributes:
        root: The folder.
    """

    def __init__(
        self,
        *,
        root: str,
        part: str = "",
        image_size: tuple[int, int],
        channels: int = 3,
        resize_to: int | tuple[int, int] | None = None,
        check_images: bool = True,
        skip_unreadable: bool = False,
    ):
        """Lists the folder and, unless told otherwise, decodes every image once to check it.

        Args:
            root: The folder that holds one folder per class. A leading `~` is the home folder.
            part: The folder below `root` to take instead, for data sets that come divided into
                such as "train" and "test".
            image_size: `(height, width)` in pixels of the images that are handed out.
            channels: 1 (grey) or 3 (colour); files of the other kind are converted.
            resize_to: Size before the centre is cut out; see `ImageFiles`.
            check_images: Whether to find unreadable files now; see `ImageFiles`.
            skip_unreadable: Whether to leave unreadable files out; see `ImageFiles`.

        Raises:
            ValueError: If `root` is not a folder, holds no class folder, a class folder holds no
                image, or for one of the reasons of `ImageFiles`.
        """
        self.root = os.path.join(os.path.expanduser(root), part)
        if not os.path.isdir(self.root):
            raise ValueError(
                f"root must be an existing folder, got {root!r} (looked for "
                f"{os.path.abspath(self.root)!r})."
            )
        ignored: list[str] = []
        class_names = _class_names(self.root, ignored)
        keys, labels = [], []
        for label, class_name in enumerate(class_names):
            images = _image_names(self.root, class_name, ignored)
            keys.extend(f"{class_name}/{image}" for image in images)
            labels.extend([label] * len(images))
        if ignored:
            kinds = Counter(os.path.splitext(name)[1].lower() or "no suffix" for name in ignored)
            logging.warning(
                "Ignored %d files under %s that are no images in a class folder (%s), e.g. %s.",
                len(ignored),
                self.root,
                ", ".join(f"{kind}: {count}" for kind, count in kinds.most_common(5)),
                ignored[0],
            )
        super().__init__(
            paths=[os.path.join(self.root, key) for key in keys],
            keys=keys,
            labels=labels,
            class_names=class_names,
            image_size=image_size,
            channels=channels,
            resize_to=resize_to,
            check_images=check_images,
            skip_unreadable=skip_unreadable,
        )


def _class_names(root: str, ignored: list[str]) -> list[str]:
    names = []
    for entry in _visible(root):
        if entry.is_dir():
            names.append(entry.name)
        else:
            ignored.append(entry.name)
    if not names:
        raise ValueError(
            f"root {root!r} has no class folders (images must lie in root/class/; it holds "
            f"{len(ignored)} files)."
        )
    return names


def _image_names(root: str, class_name: str, ignored: list[str]) -> list[str]:
    images, others = [], []
    for entry in _visible(os.path.join(root, class_name)):
        # A dangling link is neither file nor folder; it counts, so that the check names it.
        is_image = entry.name.lower().endswith(SUFFIXES) and not entry.is_dir()
        (images if is_image else others).append(entry.name)
    if not images:
        held = f"it holds {len(others)} others, e.g. {others[0]}" if others else "it is empty"
        raise ValueError(
            f"Class folder {os.path.join(root, class_name)!r} has no image with a suffix of "
            f"{', '.join(SUFFIXES)} ({held})."
        )
    ignored.extend(f"{class_name}/{name}" for name in others)
    return images


def _visible(folder: str) -> list[os.DirEntry]:
    with os.scandir(folder) as entries:
        return sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
