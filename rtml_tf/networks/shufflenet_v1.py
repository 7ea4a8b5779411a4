"""ShuffleNet: a small embedding network of grouped convolutions and channel shuffles."""

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.layers.channel_shuffle import ChannelShuffle
from rtml_tf.layers.pixel_normalization import PixelNormalization
from rtml_tf.networks.convolution import convolution, depthwise_convolution
from rtml_tf.networks.embedding_head import embedding_head
from rtml_tf.networks.image_input import image_input, normalize_pixels
from rtml_tf.networks.shufflenet_stages import UNITS, minimum_size, stem_and_stages

# Channels of the stem by width, as in the authors' networks (github.com/megvii-model).
_WIDTHS = (0.0, 0.5, 1.0, 1.5, 2.0)
_STEM_FILTERS = (0, 12, 24, 24, 48)
# Channels of stage 2 at width 1 by the number of groups; stages 3 and 4 have 2 and 4 times these.
_STAGE2_FILTERS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}


def shufflenet_v1(
    *,
    input_shape: Sequence[int],
    embedding_size: int = 128,
    width: float = 1.0,
    groups: int = 3,
    units: Sequence[int] = UNITS,
    stem_stride: int = 4,
    pooling: tf.keras.layers.Layer | None = None,
    normalization: PixelNormalization | None = None,
) -> tf.keras.Model:
    """Returns a ShuffleNet (Zhang, Zhou, Lin, Sun, CVPR 2018, table 1 and figure 2).

    `width` multiplies the channels of the stages in the paper's table, as there ("ShuffleNet
    0.25x"); they are then rounded to a multiple of `4 * groups`, so that a quarter of them can be
    grouped. The stem has 12, 24, 24 and 48 channels at widths 0.5, 1, 1.5 and 2; between these
    they are interpolated linearly, below 0.5 they are in proportion to the width, rounded to a
    multiple of `groups`.

    Args:
        input_shape: `(height, width, channels)` of the images; at least `8 * stem_stride` pixels.
        embedding_size: Embedding dimensions `D`.
        width: Factor on the number of channels; above 0 and at most 2.
        groups: Groups of the 1x1 convolutions: 1, 2, 3, 4 or 8. More groups have more channels at
            about the same number of multiply-adds. The first 1x1 convolution is not grouped, since
            the stem has few channels.
        units: Units in stages 2, 3 and 4; the paper's "shallow" networks have half as many.
        stem_stride: By how much the stem shrinks the image: 4 as in the paper, for 112 pixels or
            more; 2 or 1 for smaller images. The last feature map is `8 * stem_stride` times smaller
            than the image.
        pooling: A layer from `[B, H, W, C]` to `[B, C]`; None means global average.
        normalization: The first layer; None means `PixelNormalization()`.

    Returns:
        The network: "image" `[B, H, W, C]` in [0, 1] to float32 `[B, D]`, L2-normalised.

    Raises:
        ValueError: If an argument is out of range.
    """
    if groups not in _STAGE2_FILTERS:
        raise ValueError(f"groups must be one of {sorted(_STAGE2_FILTERS)}, got {groups}.")
    if not 0.0 < width <= _WIDTHS[-1]:
        raise ValueError(f"width must be above 0 and at most {_WIDTHS[-1]}, got {width}.")
    stem_filters = _multiple_of(groups, float(np.interp(width, _WIDTHS, _STEM_FILTERS)))
    stage2_filters = _multiple_of(4 * groups, width * _STAGE2_FILTERS[groups])
    image = image_input(input_shape=input_shape, minimum_size=minimum_size(stem_stride))
    features = stem_and_stages(
        normalize_pixels(image=image, normalization=normalization),
        stem_filters=stem_filters,
        stage_filters=[factor * stage2_filters for factor in (1, 2, 4)],
        units=units,
        stem_stride=stem_stride,
        unit=functools.partial(_unit, groups=groups, stem_filters=stem_filters),
    )
    embeddings = embedding_head(features=features, embedding_size=embedding_size, pooling=pooling)
    return tf.keras.Model(image, embeddings, name="shufflenet_v1")


def _multiple_of(divisor: int, channels: float) -> int:
    """Returns the positive multiple of `divisor` that is closest to `channels`."""
    return divisor * max(1, round(channels / divisor))


def _unit(
    features: tf.Tensor, *, filters: int, strides: int, name: str, groups: int, stem_filters: int
) -> tf.Tensor:
    """The units of figure 2 (b) and, with stride 2, (c)."""
    shortcut, channels = features, features.shape[-1]
    branch = convolution(
        features,
        filters=filters // 4,
        kernel_size=1,
        groups=1 if channels == stem_filters else groups,
        name=name,
        number="1",
    )
    if groups > 1:
        branch = ChannelShuffle(groups=groups, name=f"{name}_shuffle")(branch)
    branch = depthwise_convolution(
        branch, kernel_size=3, strides=strides, name=name, number="2", relu=False
    )
    branch = convolution(
        branch,
        filters=filters if strides == 1 else filters - channels,
        kernel_size=1,
        groups=groups,
        name=name,
        number="3",
        relu=False,
    )
    if strides == 1:
        features = tf.keras.layers.Add(name=f"{name}_add")([shortcut, branch])
    else:
        shortcut = tf.keras.layers.AveragePooling2D(
            3, strides=strides, padding="same", name=f"{name}_shortcut_pool"
        )(shortcut)
        features = tf.keras.layers.Concatenate(name=f"{name}_concat")([shortcut, branch])
    return tf.keras.layers.ReLU(name=f"{name}_relu")(features)
