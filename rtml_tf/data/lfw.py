"""Labeled Faces in the Wild: the official pairs, and who is left to train on."""

import os
from collections.abc import Collection, Mapping

import numpy as np

from rtml_tf.data import lfw_pairs_file
from rtml_tf.data.pair_set import PairSet
from rtml_tf.data.source import ImageSource, Subset


def lfw_pairs(*, source: ImageSource, file: str, folds: Collection[int] | None = None) -> PairSet:
    """The verification pairs of a `pairs.txt` (Huang et al. 2007, "Labeled Faces in the Wild").

    Args:
        source: The images in the LFW layout, `Person_Name/Person_Name_0001.jpg` as keys: an
            `ImageFolder` on the folder of the people. The suffix does not matter.
        file: The official `pairs.txt` (view 2, 10 folds), or a file of its format.
        folds: The folds to keep, counted from 0. None: all.

    Raises:
        ValueError: If a line of `file` is malformed or names an image that `source` does not
            have (with its line number), or `folds` are not in the file.
    """
    pairs = lfw_pairs_file.read_lfw_pairs(file)
    kept = [pair for pair in pairs if pair.fold in _checked_folds(pairs, folds, "folds")]
    number_of = {os.path.splitext(key)[0]: number for number, key in enumerate(source.keys)}
    ends = np.array(
        [
            [_image_number(number_of, end, file, pair.line) for end in (pair.left, pair.right)]
            for pair in kept
        ]
    )
    used, positions = np.unique(ends, return_inverse=True)
    images = Subset(source, used)
    left, right = positions.reshape(-1, 2).T
    return PairSet(
        images=images,
        left=left,
        right=right,
        same=[pair.same for pair in kept],
        fold=[pair.fold for pair in kept],
        people=[images.class_names[label] for label in images.labels],
    )


def lfw_training_people(
    *, source: ImageSource, file: str, test_folds: Collection[int], min_images: int = 2
) -> ImageSource:
    """The people who are in no pair of the test folds, with all their images.

    With the official `pairs.txt`, test folds 8 and 9 and two images or more, 1,334 people with
    7,037 images are left.

    Args:
        source: As for `lfw_pairs`; its class names are the people.
        file: The `pairs.txt`.
        test_folds: The folds that are tested on, counted from 0.
        min_images: People with fewer images in `source` are left out.

    Raises:
        ValueError: If a line of `file` is malformed, `test_folds` are not in it, or nobody is
            left.
    """
    if min_images < 1:
        raise ValueError(f"min_images must be at least 1, got {min_images}.")
    pairs = lfw_pairs_file.read_lfw_pairs(file)
    folds = _checked_folds(pairs, test_folds, "test_folds")
    tested = {end.person for pair in pairs if pair.fold in folds for end in (pair.left, pair.right)}
    sizes = np.bincount(source.labels, minlength=source.num_classes)
    kept = [
        size >= min_images and person not in tested
        for person, size in zip(source.class_names, sizes)
    ]
    indices = np.flatnonzero(np.array(kept)[source.labels])
    if indices.size == 0:
        raise ValueError(
            f"Nobody is left to train on: none of {source.num_classes} people has at least "
            f"{min_images} images and is in no pair of the test folds {sorted(folds)}."
        )
    return Subset(source, indices)


def _checked_folds(
    pairs: list[lfw_pairs_file.LfwPair], folds: Collection[int] | None, name: str
) -> set[int]:
    existing = {pair.fold for pair in pairs}
    chosen = existing if folds is None else set(folds)
    if not chosen or not chosen <= existing:
        raise ValueError(f"{name} must be some of {sorted(existing)}, counted from 0, got {folds}.")
    return chosen


def _image_number(
    number_of: Mapping[str, int], image: lfw_pairs_file.LfwImage, file: str, line: int
) -> int:
    number = number_of.get(image.stem)
    if number is None:
        raise ValueError(
            f"{file}, line {line}: there is no image {image.stem} among the {len(number_of)} "
            f"images (such as {next(iter(number_of))})."
        )
    return number
