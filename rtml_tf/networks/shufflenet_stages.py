"""What both ShuffleNets share: the stem and the order of the units."""

import numbers
from collections.abc import Callable, Sequence

import tensorflow as tf

from rtml_tf.networks.convolution import convolution

# (features, filters, strides, name) -> features
Unit = Callable[..., tf.Tensor]

UNITS = (4, 8, 4)  # in stages 2, 3 and 4, in both papers


def minimum_size(stem_stride: int) -> int:
    """Returns the smallest height and width of an image, whose last feature map is then 1x1.

    Raises:
        ValueError: If `stem_stride` is not 1, 2 or 4.
    """
    if stem_stride not in (1, 2, 4):
        raise ValueError(f"stem_stride must be 1, 2 or 4, got {stem_stride!r}.")
    return 8 * int(stem_stride)


def stem_and_stages(
    pixels: tf.Tensor,
    *,
    stem_filters: int,
    stage_filters: Sequence[int],
    units: Sequence[int],
    stem_stride: int,
    unit: Unit,
) -> tf.Tensor:
    """Applies the stem and stages 2, 3 and 4, each of which halves height and width.

    Args:
        pixels: Keras tensor `[B, H, W, C]`.
        stem_filters: Channels of the first convolution (3x3).
        stage_filters: Channels of the stages.
        units: Units of the stages, the first of which has stride 2.
        stem_stride: 4: the convolution has stride 2 and a 3x3 max pooling with stride 2 follows,
            as in the papers; 2: without the pooling; 1: without any stride.
        unit: Builds a unit with `filters` channels.

    Returns:
        Keras tensor `[B, H / (8 stem_stride), W / (8 stem_stride), stage_filters[-1]]`.

    Raises:
        ValueError: If `units` is not one positive number for each stage.
    """
    if len(units) != len(stage_filters) or not all(
        isinstance(count, numbers.Integral) and count >= 1 for count in units
    ):
        raise ValueError(
            f"units must be {len(stage_filters)} positive integers, got {tuple(units)}."
        )
    features = convolution(
        pixels,
        filters=stem_filters,
        kernel_size=3,
        strides=1 if stem_stride == 1 else 2,
        name="stem",
    )
    if stem_stride == 4:
        features = tf.keras.layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(
            features
        )
    for stage, (filters, count) in enumerate(zip(stage_filters, units), start=2):
        for number in range(1, count + 1):
            features = unit(
                features,
                filters=filters,
                strides=2 if number == 1 else 1,
                name=f"stage{stage}_unit{number}",
            )
    return features
