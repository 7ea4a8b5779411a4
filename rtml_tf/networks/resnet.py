"""Residual embedding networks: the CIFAR form for small images and the ImageNet form."""

import math
from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.layers.pixel_normalization import PixelNormalization
from rtml_tf.networks.convolution import convolution
from rtml_tf.networks.embedding_head import embedding_head
from rtml_tf.networks.image_input import image_input, normalize_pixels
from rtml_tf.networks.residual_block import Block, basic_block, bottleneck_block

_CIFAR_FILTERS = (16, 32, 64)
_IMAGENET_FILTERS = (64, 128, 256, 512)
_IMAGENET_FORMS = {
    18: (basic_block, (2, 2, 2, 2)),
    34: (basic_block, (3, 4, 6, 3)),
    50: (bottleneck_block, (3, 4, 6, 3)),
}


def cifar_resnet(
    *,
    input_shape: Sequence[int],
    embedding_size: int = 128,
    depth: int = 8,
    width: float = 1.0,
    pooling: tf.keras.layers.Layer | None = None,
    normalization: PixelNormalization | None = None,
    zero_init_last_gamma: bool = False,
) -> tf.keras.Model:
    """Returns a residual network in the CIFAR form (He et al., CVPR 2016, section 4.2).

    A 3x3 convolution, then three stages of `(depth - 2) / 6` basic blocks with 16, 32 and 64
    channels times `width`; the second and third stage halve height and width. Shortcuts that
    change the shape are 1x1 projections (option B), where the paper's CIFAR networks pad with
    zeros (option A). At `width=1.0`, before the embedding layer, depth 8, 14 and 20 have 77 k,
    175 k and 272 k trainable parameters.

    Args:
        input_shape: `(height, width, channels)` of the images; at least 4x4.
        embedding_size: Embedding dimensions `D`.
        depth: 6n + 2: 8, 14, 20, ... layers.
        width: Factor on the number of channels.
        pooling: A layer from `[B, H, W, C]` to `[B, C]`; None means global average.
        normalization: The first layer; None means `PixelNormalization()`.
        zero_init_last_gamma: Whether each block starts as its shortcut, the last batch norm
            having scale 0 (Goyal et al. 2017, section 5.1).

    Returns:
        The network: "image" `[B, H, W, C]` in [0, 1] to float32 `[B, D]`, L2-normalised.

    Raises:
        ValueError: If an argument is out of range.
    """
    if depth not in range(8, 1_000, 6):
        raise ValueError(f"depth must be 6n + 2 (8, 14, 20, ...), got {depth}.")
    filters = _scaled(_CIFAR_FILTERS, width)
    image = image_input(input_shape=input_shape, minimum_size=4)
    features = normalize_pixels(image=image, normalization=normalization)
    features = convolution(features, filters=filters[0], kernel_size=3, name="stem")
    features = _stages(
        features,
        block=basic_block,
        filters=filters,
        blocks=(int(depth - 2) // 6,) * 3,
        zero_init_last_gamma=zero_init_last_gamma,
    )
    embeddings = embedding_head(features=features, embedding_size=embedding_size, pooling=pooling)
    return tf.keras.Model(image, embeddings, name=f"cifar_resnet{int(depth)}")


def imagenet_resnet(
    *,
    input_shape: Sequence[int],
    embedding_size: int = 128,
    depth: int = 18,
    width: float = 1.0,
    small_input: bool = False,
    pooling: tf.keras.layers.Layer | None = None,
    normalization: PixelNormalization | None = None,
    zero_init_last_gamma: bool = False,
) -> tf.keras.Model:
    """Returns a residual network in the ImageNet form (He et al., CVPR 2016, table 1).

    A stem, then four stages with 64, 128, 256 and 512 channels times `width`, of which the last
    three halve height and width: basic blocks for depth 18 and 34, bottleneck blocks (four times
    the channels) for depth 50. The stem is a 7x7 convolution with stride 2 and a 3x3 max pooling
    with stride 2, or, with `small_input`, one 3x3 convolution with stride 1 and no pooling, the
    usual choice for images of 32 to 64 pixels. All paddings are "same".

    Args:
        input_shape: `(height, width, channels)` of the images; at least 32x32, or 8x8 with
            `small_input`.
        embedding_size: Embedding dimensions `D`.
        depth: 18, 34 or 50.
        width: Factor on the number of channels.
        small_input: Whether to use the stem for small images.
        pooling: A layer from `[B, H, W, C]` to `[B, C]`; None means global average.
        normalization: The first layer; None means `PixelNormalization()`.
        zero_init_last_gamma: Whether each block starts as its shortcut, the last batch norm
            having scale 0 (Goyal et al. 2017, section 5.1).

    Returns:
        The network: "image" `[B, H, W, C]` in [0, 1] to float32 `[B, D]`, L2-normalised.

    Raises:
        ValueError: If an argument is out of range.
    """
    if depth not in _IMAGENET_FORMS:
        raise ValueError(f"depth must be one of {sorted(_IMAGENET_FORMS)}, got {depth}.")
    block, blocks = _IMAGENET_FORMS[depth]
    filters = _scaled(_IMAGENET_FILTERS, width)
    image = image_input(input_shape=input_shape, minimum_size=8 if small_input else 32)
    features = normalize_pixels(image=image, normalization=normalization)
    if small_input:
        features = convolution(features, filters=filters[0], kernel_size=3, name="stem")
    else:
        features = convolution(features, filters=filters[0], kernel_size=7, strides=2, name="stem")
        features = tf.keras.layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(
            features
        )
    features = _stages(
        features,
        block=block,
        filters=filters,
        blocks=blocks,
        zero_init_last_gamma=zero_init_last_gamma,
    )
    embeddings = embedding_head(features=features, embedding_size=embedding_size, pooling=pooling)
    return tf.keras.Model(image, embeddings, name=f"imagenet_resnet{int(depth)}")


def _scaled(filters: Sequence[int], width: float) -> tuple[int, ...]:
    """Returns the channels of each stage, `round(filters * width)`."""
    if not (width > 0.0 and math.isfinite(width)):
        raise ValueError(f"width must be a positive number, got {width}.")
    return tuple(max(1, round(count * width)) for count in filters)


def _stages(
    features: tf.Tensor,
    *,
    block: Block,
    filters: Sequence[int],
    blocks: Sequence[int],
    zero_init_last_gamma: bool,
) -> tf.Tensor:
    """Stacks the stages; each but the first halves height and width in its first block."""
    for stage, (stage_filters, stage_blocks) in enumerate(zip(filters, blocks), start=1):
        for number in range(1, stage_blocks + 1):
            features = block(
                features,
                filters=stage_filters,
                strides=2 if stage > 1 and number == 1 else 1,
                name=f"stage{stage}_block{number}",
                zero_init_last_gamma=zero_init_last_gamma,
            )
    return features
