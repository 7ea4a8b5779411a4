"""InsightFace's verification sets (`lfw.bin`, `agedb_30.bin`, `cfp_fp.bin`, ...)."""

import os

import numpy as np

from rtml_tf.data import plain_pickle
from rtml_tf.data.encoded_images import EncodedImages, UndecodableImages
from rtml_tf.data.pair_set import PairSet


def insightface_pairs(
    *,
    file: str,
    image_size: tuple[int, int] = (112, 112),
    channels: int = 3,
    resize_to: int | tuple[int, int] | None = None,
    num_folds: int = 10,
) -> PairSet:
    """Reads a `.bin` verification set.

    Such a file is a pickle of two lists: the encoded images of the pairs, two after each other,
    and for each pair whether it shows one person. It is read without running anything that it
    contains (see `plain_pickle`). An image that occurs in several pairs is kept once. Folds are
    consecutive runs of pairs, as in InsightFace's own evaluation; who is shown is not known.

    Args:
        file: The `.bin` file. A leading `~` is the home folder.
        image_size: `(height, width)` in pixels of the images that are handed out.
        channels: 1 (grey) or 3 (colour); images of the other kind are converted.
        resize_to: Size before the centre is cut out; see `EncodedImages`.
        num_folds: How many folds.

    Raises:
        ValueError: If the file does not exist, is not such a pickle or asks for anything else
            than plain data, an image cannot be decoded, or there are fewer pairs than folds.
    """
    file = os.path.expanduser(file)
    if not os.path.isfile(file):
        raise ValueError(
            f"file must be an existing .bin file, got {file!r} (looked for "
            f"{os.path.abspath(file)})."
        )
    with open(file, "rb") as stream:
        contents = stream.read()
    try:
        images, same = _lists(plain_pickle.load_plain(contents))
    except ValueError as error:
        raise ValueError(f"{file} is no verification set: {error}.") from error
    if not 2 <= num_folds <= len(same):
        raise ValueError(
            f"num_folds must be at least 2 and at most the number of pairs, {len(same)}, got "
            f"{num_folds}."
        )
    number_of: dict[bytes, int] = {}
    ends = np.array([number_of.setdefault(image, len(number_of)) for image in images])
    folds = np.array_split(np.arange(len(same)), num_folds)
    try:
        source = EncodedImages(
            contents=list(number_of), image_size=image_size, channels=channels, resize_to=resize_to
        )
    except UndecodableImages as error:
        bad = np.flatnonzero(np.isin(ends, error.numbers))
        raise ValueError(
            f"{file}: {len(bad)} of {len(images)} images {error.reason}, the first is number "
            f"{bad[0]}, in pair {bad[0] // 2} (both counted from 0)."
        ) from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    return PairSet(
        images=source,
        left=ends[0::2],
        right=ends[1::2],
        same=same,
        fold=np.repeat(np.arange(num_folds), [len(fold) for fold in folds]),
    )


def _lists(value: object) -> tuple[list[bytes], list[bool]]:
    if not (isinstance(value, (tuple, list)) and len(value) == 2):
        raise ValueError(f"expected images and truth values, got a {type(value).__name__}")
    images, same = value
    if not all(isinstance(part, (tuple, list)) for part in value):
        raise ValueError(
            "expected a list of images and a list of truth values, got a "
            f"{type(images).__name__} and a {type(same).__name__}"
        )
    for number, image in enumerate(images):
        if not isinstance(image, bytes):
            raise ValueError(
                f"expected every image as a string of bytes, got a {type(image).__name__} as "
                f"number {number}, in pair {number // 2} (both counted from 0)"
            )
    for number, entry in enumerate(same):
        if entry not in (0, 1):
            raise ValueError(
                f"expected a truth value for every pair, got {entry!r:.40} for pair {number} "
                "(counted from 0)"
            )
    if not same or len(images) != 2 * len(same):
        raise ValueError(
            f"expected two images for each pair, got {len(images)} images and {len(same)} pairs"
        )
    return list(images), [bool(entry) for entry in same]
