"""Counts of pixels by what they are and what they are taken for, and the figures of them."""

from collections.abc import Sequence

import numpy as np


class ConfusionMatrix:
    """A confusion matrix that is added up batch by batch.

    Attributes:
        counts: int64 `[K, K]`, pixels by true class (row) and predicted class (column).
        ignore_value: What stands in a mask for no class; such pixels are not counted.
    """

    def __init__(self, *, num_classes: int, ignore_value: int = 255):
        """Begins with no pixels.

        Raises:
            ValueError: If `num_classes` is below 2, or `ignore_value` is a class.
        """
        if num_classes < 2:
            raise ValueError(f"num_classes must be at least 2, got {num_classes}.")
        if 0 <= ignore_value < num_classes:
            raise ValueError(
                f"ignore_value must be none of the {num_classes} classes, got {ignore_value}."
            )
        self.counts = np.zeros((num_classes, num_classes), np.int64)
        self.ignore_value = ignore_value

    def update(self, truth: np.ndarray, prediction: np.ndarray) -> None:
        """Adds pixels.

        Args:
            truth: integers of any shape: classes, and `ignore_value`.
            prediction: integers of the same shape: classes.

        Raises:
            ValueError: If the shapes differ, or a value is no class.
        """
        truth, prediction = np.asarray(truth), np.asarray(prediction)
        if truth.shape != prediction.shape:
            raise ValueError(
                f"truth and prediction must have one shape, got {truth.shape} and "
                f"{prediction.shape}."
            )
        known = truth != self.ignore_value
        num_classes = len(self.counts)
        pairs = []
        for name, values in (("truth", truth[known]), ("prediction", prediction[known])):
            if values.size and not (0 <= values.min() and values.max() < num_classes):
                raise ValueError(
                    f"{name} must hold classes in [0, {num_classes}), got values from "
                    f"{values.min()} to {values.max()}."
                )
            pairs.append(values.astype(np.int64))
        places = num_classes * pairs[0] + pairs[1]
        counts = np.bincount(places, minlength=num_classes**2)
        self.counts += counts.reshape(num_classes, num_classes)

    def only(self, classes: Sequence[int]) -> "ConfusionMatrix":
        """The matrix without the pixels that are truly of another class, as if they were void.

        Pixels of these classes that are taken for another one still count, as missed.
        """
        kept = ConfusionMatrix(num_classes=len(self.counts), ignore_value=self.ignore_value)
        kept.counts[list(classes)] = self.counts[list(classes)]
        return kept

    def intersection_over_union(self) -> np.ndarray:
        """IoU of each class, `TP / (TP + FP + FN)`: float64 `[K]`, NaN where that is 0 / 0.

        Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010, section 4.3.
        """
        right = np.diag(self.counts)
        union = self.counts.sum(axis=0) + self.counts.sum(axis=1) - right
        return _ratio(right, union)

    def recall(self) -> np.ndarray:
        """The share of each class's pixels that are found: float64 `[K]`, NaN for absent ones."""
        return _ratio(np.diag(self.counts), self.counts.sum(axis=1))

    def pixel_accuracy(self) -> float:
        """The share of all pixels that are right; NaN without pixels."""
        return float(_ratio(np.trace(self.counts), self.counts.sum()))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    numerator, denominator = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    empty = np.full(denominator.shape, np.nan)
    return np.divide(numerator, denominator, out=empty, where=denominator > 0)
