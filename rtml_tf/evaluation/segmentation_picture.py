"""A picture of segmented images: image, truth, prediction, and where both heads disagree."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from rtml_tf.data.label_set import LabelSet
from rtml_tf.data.segmentation_source import SegmentationSource
from rtml_tf.evaluation.segmentation_maps import logits_function, predicted_classes
from rtml_tf.layers.bilinear import resize_bilinear
from rtml_tf.losses.local_alignment import local_alignment_map

_COLUMNS = ("image", "truth", "prediction", "local alignment map")
_OPACITY = 0.7  # Of the colours over the image.
_INCHES = 2.6  # Height of a row.


def overlay(image: np.ndarray, mask: np.ndarray, labels: LabelSet) -> np.ndarray:
    """Lays the colours of classes over an image.

    Args:
        image: float32 `[H, W, C]` in [0, 1], grey or in colour.
        mask: integers `[H, W]`; pixels without a class show the image darkened.
        labels: The classes and their colours.

    Returns:
        float32 `[H, W, 3]` in [0, 1].
    """
    colours = np.zeros((256, 3), np.float32)
    colours[: labels.num_classes] = labels.palette / 255.0
    return (1.0 - _OPACITY) * np.broadcast_to(image, (*mask.shape, 3)) + _OPACITY * colours[mask]


def write_segmentation_picture(
    *,
    file: str,
    network: tf.keras.Model,
    source: SegmentationSource,
    numbers: Sequence[int],
    aligned_corners: bool = False,
) -> None:
    """Draws a row for each example and a legend of the classes, and writes a PNG file.

    The local alignment map (`losses.local_alignment`) shows where the adversary of CLAN counts; it
    has a scale of its own for each example, whose largest value stands above it.

    Args:
        file: The file to write, `*.png`; its folder exists.
        network: A segmentation network.
        source: Images and masks.
        numbers: The examples to show.
        aligned_corners: How logits are resized; see `resize_bilinear`.
    """
    labels, size = source.label_set, source.image_shape[:2]
    logits = logits_function(network, source.image_shape)
    # Figure and canvas without pyplot: the user's matplotlib backend stays as it is.
    width = _INCHES * len(_COLUMNS) * size[1] / size[0]
    figure = Figure(figsize=(width, _INCHES * len(numbers) + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(numbers), len(_COLUMNS), squeeze=False)
    for row, number in zip(axes, numbers):
        image, mask = source.load(tf.constant(number, tf.int64))
        first, second = logits(image[tf.newaxis])
        prediction = predicted_classes(first, second, size, aligned_corners)[0].numpy()
        alignment = local_alignment_map(first, second)[..., tf.newaxis]
        alignment = resize_bilinear(alignment, size, aligned_corners=aligned_corners)[0, :, :, 0]
        mask = tf.image.resize(mask[..., tf.newaxis], size, "nearest")[..., 0].numpy()
        image = image.numpy()
        row[0].imshow(np.broadcast_to(image, (*size, 3)))
        row[1].imshow(overlay(image, mask, labels))
        row[2].imshow(overlay(image, prediction, labels))
        row[3].imshow(alignment.numpy(), cmap="magma", vmin=0.0)
        for axis in row:
            axis.set_axis_off()
        row[3].set_title(f"up to {np.max(alignment):.2g}", fontsize="small")
    for axis, title in zip(axes[0], _COLUMNS):
        axis.set_title(", ".join([title, axis.get_title()]).rstrip(", "), fontsize="small")
    patches = [
        Patch(color=colour / 255.0, label=name)
        for name, colour in zip(labels.class_names, labels.palette)
    ]
    figure.legend(
        handles=patches, loc="outside lower center", ncols=min(len(patches), 10), fontsize="small"
    )
    figure.savefig(file, format="png", dpi=100)
