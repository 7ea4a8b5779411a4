"""How well a network segments images: IoU of each class, its mean, pixel accuracy."""

import pathlib
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rtml_tf.data.segmentation_source import SegmentationSource
from rtml_tf.evaluation.confusion_matrix import ConfusionMatrix
from rtml_tf.evaluation.pictures import file_in, show_in_tensorboard
from rtml_tf.evaluation.segmentation_maps import logits_function, predicted_classes
from rtml_tf.evaluation.segmentation_picture import write_segmentation_picture


class SegmentationEvaluation:
    """Figures of a segmentation network on images with masks.

    The prediction is the class of the largest sum of both heads' logits, resized to the size of the
    masks, which may be larger than the images. Void pixels are not counted.

    * `miou`: the mean of the classes' IoU. Classes without a pixel, true or predicted, are left
      out of it, and their IoU is NaN;
    * `pixel_accuracy`: the share of pixels that are right;
    * `mean_recall`: the mean share of a class's pixels that are found;
    * `iou/<class>`: the IoU of each class.

    Attributes:
        figure_names: The figures that `evaluate` gives, in [0, 1].
        source: What is evaluated.
        image_shape: Of the images that a network is given.
        classes: The names of the classes that count.
    """

    def __init__(
        self,
        *,
        source: SegmentationSource,
        classes: Sequence[str] | None = None,
        batch_size: int = 4,
        aligned_corners: bool = False,
        pictures: int = 4,
    ):
        """Prepares the evaluation.

        Args:
            source: Images and masks.
            classes: The classes that count; pixels that are truly of another class are void. The
                network may still predict all of its classes. `None`: all of `source`.
            batch_size: Images at once; full-resolution logits of a batch are held in memory.
            aligned_corners: How logits are resized, as in training; see `resize_bilinear`.
            pictures: How many examples `plot` shows, spread over `source`; 0 for none.

        Raises:
            ValueError: If an argument is out of range, or a class is none of `source`.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
        if pictures < 0:
            raise ValueError(f"pictures must not be negative, got {pictures}.")
        self.source = source
        self.image_shape = source.image_shape
        self.classes = source.label_set.class_names if classes is None else tuple(classes)
        if not self.classes:
            raise ValueError("classes must name at least one class, got none.")
        self._numbers = [source.label_set.number_of(name) for name in self.classes]
        self.figure_names = ("miou", "pixel_accuracy", "mean_recall")
        self.figure_names += tuple(f"iou/{name}" for name in self.classes)
        self._batch_size = batch_size
        self._aligned_corners = aligned_corners
        self._pictures = min(pictures, len(source))
        self._network = None

    def confusion_matrix(self, network: tf.keras.Model) -> ConfusionMatrix:
        """Counts the pixels of all masks, those of classes that do not count left out.

        Raises:
            ValueError: If the network does not take the images, or has not a logit for each class.
        """
        logits = logits_function(network, self.source.image_shape)
        outputs, num_classes = logits.structured_outputs[0].shape[-1], self.source.num_classes
        if outputs != num_classes:
            raise ValueError(
                f"The network {network.name!r} has logits for {outputs} classes, the masks have "
                f"{num_classes}."
            )
        matrix = ConfusionMatrix(
            num_classes=num_classes, ignore_value=self.source.label_set.ignore_value
        )
        examples = tf.data.Dataset.range(len(self.source)).map(self.source.load, tf.data.AUTOTUNE)
        for images, masks in examples.batch(self._batch_size).prefetch(tf.data.AUTOTUNE):
            prediction = predicted_classes(
                *logits(images), self.source.mask_size, self._aligned_corners
            )
            matrix.update(masks.numpy(), prediction.numpy())
        return matrix.only(self._numbers)

    def evaluate(self, network: tf.keras.Model) -> dict[str, float]:
        """The figures of `network` in inference mode."""
        self._network = weakref.ref(network)
        matrix = self.confusion_matrix(network)
        iou = matrix.intersection_over_union()[self._numbers]
        return {
            "miou": _mean(iou),
            "pixel_accuracy": matrix.pixel_accuracy(),
            "mean_recall": _mean(matrix.recall()[self._numbers]),
            **{f"iou/{name}": float(value) for name, value in zip(self.classes, iou)},
        }

    def plot(self, figures: Mapping[str, float], folder: pathlib.Path, name: str) -> None:
        """Shows some examples, segmented by the network that was evaluated last.

        Args:
            figures: What `evaluate` gave.
            folder: The run folder: gets `<name>.png`, and the same picture in `tensorboard`.
            name: The name of this evaluation.

        Raises:
            ValueError: If no network was evaluated yet, or it is gone.
        """
        del figures  # The picture says where, not how well.
        network = None if self._network is None else self._network()
        if network is None:
            raise ValueError("plot needs the network that was evaluated last, got none.")
        if not self._pictures:
            return
        file = file_in(folder, name, ".png")
        write_segmentation_picture(
            file=str(file),
            network=network,
            source=self.source,
            # The middles of equal parts: neighbours are alike in films.
            numbers=[
                int((i + 0.5) * len(self.source) / self._pictures) for i in range(self._pictures)
            ],
            aligned_corners=self._aligned_corners,
        )
        show_in_tensorboard(file, folder=folder, name=name)

    def describe(self) -> dict[str, Any]:
        """What was evaluated, for `metrics.json`."""
        return {
            "images": len(self.source),
            "classes": list(self.classes),
            "image_shape": list(self.source.image_shape),
            "mask_size": list(self.source.mask_size),
            "aligned_corners": self._aligned_corners,
        }


def _mean(values: np.ndarray) -> float:
    """The mean of what is not NaN; NaN without any."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
