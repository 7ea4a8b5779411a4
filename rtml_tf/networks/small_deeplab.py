"""A small segmentation network with two heads that trains from scratch on a CPU."""

from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.layers.pixel_normalization import PixelNormalization
from rtml_tf.networks.aspp import two_heads
from rtml_tf.networks.convolution import convolution
from rtml_tf.networks.image_input import image_input, normalize_pixels
from rtml_tf.networks.residual_block import basic_block


def small_deeplab(
    *,
    input_shape: Sequence[int | None],
    num_classes: int,
    filters: Sequence[int] = (16, 32, 64),
    blocks: int = 1,
    dilations: Sequence[int] = (1, 2, 3, 4),
    normalization: PixelNormalization | None = None,
) -> tf.keras.Model:
    """Returns a residual network of stride 8 with two ASPP heads.

    A 3x3 convolution with stride 2, then stages of basic blocks, of which all but the first halve
    height and width.

    Args:
        input_shape: `(height, width, channels)` of the images, at least 16x16; height and width
            may be None for images of any size.
        num_classes: The number of classes `K`.
        filters: Channels of the three stages.
        blocks: Basic blocks of each stage.
        dilations: Of the heads, in feature positions; small, as the maps of small images are.
        normalization: The first layer; None means `PixelNormalization()`.

    Returns:
        The network: "image" `[B, H, W, C]` in [0, 1] to `{"p1", "p2"}`, logits float32
        `[B, ceil(H / 8), ceil(W / 8), K]`; its prediction is their sum.

    Raises:
        ValueError: If an argument is out of range.
    """
    if len(filters) != 3 or min(filters) < 1:
        raise ValueError(f"filters must be three positive integers, got {filters}.")
    if blocks < 1:
        raise ValueError(f"blocks must be at least 1, got {blocks}.")
    image = image_input(input_shape=input_shape, minimum_size=16, any_size=True)
    features = normalize_pixels(image=image, normalization=normalization)
    features = convolution(features, filters=filters[0], kernel_size=3, strides=2, name="stem")
    for stage, count in enumerate(filters, start=1):
        for number in range(1, blocks + 1):
            features = basic_block(
                features,
                filters=count,
                strides=2 if stage > 1 and number == 1 else 1,
                name=f"stage{stage}_block{number}",
                zero_init_last_gamma=False,
            )
    outputs = two_heads(features=features, num_classes=num_classes, dilations=dilations)
    return tf.keras.Model(image, outputs, name="small_deeplab")
