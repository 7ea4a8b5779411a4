"""ShuffleNet v2: a small embedding network of split channels and channel shuffles."""

import functools
import numbers
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.layers.channel_shuffle import ChannelShuffle
from rtml_tf.layers.channel_split import ChannelSplit
from rtml_tf.layers.pixel_normalization import PixelNormalization
from rtml_tf.networks.convolution import convolution, depthwise_convolution
from rtml_tf.networks.embedding_head import embedding_head
from rtml_tf.networks.image_input import image_input, normalize_pixels
from rtml_tf.networks.shufflenet_stages import UNITS, minimum_size, stem_and_stages

# Channels by width; stages 3 and 4 have 2 and 4 times those of stage 2.
_WIDTHS = (0.0, 0.5, 1.0, 1.5, 2.0)
_STEM_FILTERS = (0, 24, 24, 24, 24)
_STAGE2_FILTERS = (0, 48, 116, 176, 244)
_LAST_FILTERS = (0, 1024, 1024, 1024, 2048)


def shufflenet_v2(
    *,
    input_shape: Sequence[int],
    embedding_size: int = 128,
    width: float = 1.0,
    units: Sequence[int] = UNITS,
    stem_stride: int = 4,
    last_filters: int | None = None,
    residual: bool = False,
    pooling: tf.keras.layers.Layer | None = None,
    normalization: PixelNormalization | None = None,
) -> tf.keras.Model:
    """Returns a ShuffleNet v2 (Ma, Zhang, Zheng, Sun, ECCV 2018, table 5 and figure 3).

    The paper gives the channels for widths 0.5, 1, 1.5 and 2. Between these they are interpolated
    linearly, below 0.5 they are in proportion to the width, rounded to even numbers.

    Args:
        input_shape: `(height, width, channels)` of the images; at least `8 * stem_stride` pixels.
        embedding_size: Embedding dimensions `D`.
        width: Chooses the number of channels; above 0 and at most 2.
        units: Units in stages 2, 3 and 4.
        stem_stride: By how much the stem shrinks the image: 4 as in the paper, for 112 pixels or
            more; 2 or 1 for smaller images. The last feature map is `8 * stem_stride` times smaller
            than the image.
        last_filters: Channels of the 1x1 convolution before the pooling; None takes them from the
            table, where they are most of the parameters of a narrow network; 0 leaves it out.
        residual: Whether units with stride 1 add their input to what they compute, as the paper
            does in very deep networks so that training converges faster (section 4). Trainings of
            a few hundred steps need it: without it a new network has lost most of what tells its
            images apart.
        pooling: A layer from `[B, H, W, C]` to `[B, C]`; None means global average.
        normalization: The first layer; None means `PixelNormalization()`.

    Returns:
        The network: "image" `[B, H, W, C]` in [0, 1] to float32 `[B, D]`, L2-normalised.

    Raises:
        ValueError: If an argument is out of range.
    """
    if not 0.0 < width <= _WIDTHS[-1]:
        raise ValueError(f"width must be above 0 and at most {_WIDTHS[-1]}, got {width}.")
    if last_filters is None:
        last_filters = _even(width, _LAST_FILTERS)
    if not isinstance(last_filters, numbers.Integral) or last_filters < 0:
        raise ValueError(f"last_filters must be None or an integer >= 0, got {last_filters!r}.")
    stage2_filters = _even(width, _STAGE2_FILTERS)
    image = image_input(input_shape=input_shape, minimum_size=minimum_size(stem_stride))
    features = stem_and_stages(
        normalize_pixels(image=image, normalization=normalization),
        stem_filters=_even(width, _STEM_FILTERS),
        stage_filters=[factor * stage2_filters for factor in (1, 2, 4)],
        units=units,
        stem_stride=stem_stride,
        unit=functools.partial(_unit, residual=residual),
    )
    if last_filters:
        features = convolution(features, filters=int(last_filters), kernel_size=1, name="last")
    embeddings = embedding_head(features=features, embedding_size=embedding_size, pooling=pooling)
    return tf.keras.Model(image, embeddings, name="shufflenet_v2")


def _even(width: float, filters: Sequence[int]) -> int:
    """Returns the even number of channels at `width`, from those at `_WIDTHS`."""
    return 2 * max(1, round(float(np.interp(width, _WIDTHS, filters)) / 2))


def _unit(
    features: tf.Tensor, *, filters: int, strides: int, name: str, residual: bool
) -> tf.Tensor:
    """The units of figure 3 (c) and, with stride 2, (d)."""
    half = filters // 2
    if strides == 1:
        shortcut, features = ChannelSplit(name=f"{name}_split")(features)
    else:
        shortcut = depthwise_convolution(
            features,
            kernel_size=3,
            strides=strides,
            name=f"{name}_shortcut",
            number="1",
            relu=False,
        )
        shortcut = convolution(
            shortcut, filters=half, kernel_size=1, name=f"{name}_shortcut", number="2"
        )
    branch = convolution(features, filters=half, kernel_size=1, name=name, number="1")
    branch = depthwise_convolution(
        branch, kernel_size=3, strides=strides, name=name, number="2", relu=False
    )
    branch = convolution(branch, filters=half, kernel_size=1, name=name, number="3")
    if residual and strides == 1:
        branch = tf.keras.layers.Add(name=f"{name}_add")([features, branch])
    joined = tf.keras.layers.Concatenate(name=f"{name}_concat")([shortcut, branch])
    return ChannelShuffle(groups=2, name=f"{name}_shuffle")(joined)
