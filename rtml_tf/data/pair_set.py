"""Pairs of images, each of the same person (or object) or of two different ones."""

from collections.abc import Sequence

import numpy as np
from absl import logging

from rtml_tf.data.source import ImageSource


class PairSet:
    """Pairs for verification, over a source that holds each of their images once.

    Attributes:
        images: The distinct images.
        left: int64 `[P]`, the first image of each pair, as a number in `images`.
        right: int64 `[P]`, the second.
        same: bool `[P]`, whether both show the same person.
        fold: int32 `[P]`, the fold of each pair. A threshold is chosen on some folds and tested
            on another.
        people: The person in each image of `images`; None if that is not known.
    """

    def __init__(
        self,
        *,
        images: ImageSource,
        left: Sequence[int] | np.ndarray,
        right: Sequence[int] | np.ndarray,
        same: Sequence[bool] | np.ndarray,
        fold: Sequence[int] | np.ndarray,
        people: Sequence[str] | None = None,
    ):
        """Takes the pairs.

        Raises:
            ValueError: If there are none, the arrays differ in length, an image number is out of
                range, or `people` does not name one person an image.
        """
        self.images = images
        self.left = np.asarray(left, np.int64)
        self.right = np.asarray(right, np.int64)
        self.same = np.asarray(same, bool)
        self.fold = np.asarray(fold, np.int32)
        self.people = None if people is None else tuple(people)
        arrays = {"left": self.left, "right": self.right, "same": self.same, "fold": self.fold}
        shapes = {name: array.shape for name, array in arrays.items()}
        if self.left.ndim != 1 or self.left.size == 0 or len(set(shapes.values())) != 1:
            raise ValueError(
                "left, right, same and fold must hold one entry a pair, and at least one, got "
                f"arrays of shapes {shapes}."
            )
        for name in ("left", "right"):
            smallest, largest = arrays[name].min(), arrays[name].max()
            if smallest < 0 or largest >= len(images):
                raise ValueError(
                    f"{name} must hold image numbers in [0, {len(images)}), got values from "
                    f"{smallest} to {largest}."
                )
        if self.people is not None and len(self.people) != len(images):
            raise ValueError(
                f"people must name one person for each of {len(images)} images, got "
                f"{len(self.people)} names."
            )

    def __len__(self) -> int:
        return len(self.left)


def stratified_folds(same: Sequence[bool] | np.ndarray, num_folds: int) -> np.ndarray:
    """Deals pairs into folds in turn, pairs of the same person apart from those of different ones.

    Args:
        same: bool `[P]`.
        num_folds: How many folds.

    Returns:
        int32 `[P]` in `[0, num_folds)`: equally many pairs of each kind in every fold, or one
        more.

    Raises:
        ValueError: If there are fewer than 2 folds or fewer pairs of a kind than folds.
    """
    same = np.asarray(same, bool)
    fold = np.empty(len(same), np.int32)
    for kind in (True, False):
        of_kind = np.flatnonzero(same == kind)
        if not 2 <= num_folds <= len(of_kind):
            raise ValueError(
                "num_folds must be at least 2 and at most the number of pairs of the same person "
                f"({np.count_nonzero(same)}) and of different people "
                f"({np.count_nonzero(~same)}), got {num_folds}."
            )
        fold[of_kind] = np.arange(len(of_kind)) % num_folds
    return fold


def check_disjoint(*, pairs: PairSet, training: ImageSource) -> None:
    """Refuses training images that would make a test on `pairs` too easy.

    A pair set that does not know its people, as those of InsightFace and tables do not, is compared
    by the keys of its images alone, and a warning says so.

    Args:
        pairs: Pairs to test on.
        training: Images to train on; its class names are people.

    Raises:
        ValueError: If an image of `pairs`, by its key, or a person of `pairs`, where people are
            known, is in `training`.
    """
    if pairs.people is None:
        logging.warning(
            "It is not known who is shown in the %d pairs to test on: only the names of their "
            "images (%r, ...) were compared with those of the training images (%r, ...). Whether "
            "people or images are shared has to be known from elsewhere.",
            len(pairs),
            pairs.images.keys[0],
            training.keys[0],
        )
    shared_keys = sorted(set(pairs.images.keys) & set(training.keys))
    shared_people = sorted(set(pairs.people or ()) & set(training.class_names))
    for kind, shared in (("people", shared_people), ("images", shared_keys)):
        if shared:
            raise ValueError(
                f"The pairs to test on and the training images share {len(shared)} {kind}: "
                f"{', '.join(shared[:5])}{', ...' if len(shared) > 5 else ''}."
            )
