"""DeepLab-v2 on a residual network, with two heads."""

import os
from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.networks.applications import application_features
from rtml_tf.networks.aspp import DEEPLAB_DILATIONS, two_heads
from rtml_tf.networks.dilation import dilate

_LAST_BLOCK_OF_STAGE_4 = {50: 6, 101: 23, 152: 36}


def deeplab_resnet(
    *,
    input_shape: Sequence[int | None],
    num_classes: int,
    depth: int = 101,
    weights: str | os.PathLike | None = None,
    dilations: Sequence[int] = DEEPLAB_DILATIONS,
    two_level: bool = False,
) -> tf.keras.Model:
    """Returns DeepLab-v2 (Chen et al., TPAMI 2018) on a ResNet, the generator of CLAN.

    The feature map has stride 8; the last two stages are dilated by 2 and 4. The ResNet is that
    of `tf.keras.applications` (not V2): like the Caffe weights that DeepLab-v2 starts from, it has
    its strides in the first 1x1 convolution of a stage and takes BGR pixels less their mean. Its
    convolutions also have biases, which in front of a batch norm change nothing.

    Args:
        input_shape: `(height, width, channels)` of the images, at least 32x32; height and width
            may be None for images of any size.
        num_classes: The number of classes `K`.
        depth: 50, 101 or 152.
        weights: Of the ResNet: None, "imagenet" or a file, as for `application_features`. The
            heads start at random.
        dilations: Of the heads, in feature positions.
        two_level: Whether the first head sees the last stage but one, as in AdaptSegNet with two
            levels, in place of the last.

    Returns:
        The network: "image" `[B, H, W, C]` in [0, 1] to `{"p1", "p2"}`, logits float32
        `[B, ceil(H / 8), ceil(W / 8), K]`; its prediction is their sum.

    Raises:
        FileNotFoundError, OSError: If weights cannot be had.
        ValueError: If an argument is out of range, or the weight file does not fit.
    """
    if depth not in _LAST_BLOCK_OF_STAGE_4:
        raise ValueError(f"depth must be one of {sorted(_LAST_BLOCK_OF_STAGE_4)}, got {depth}.")
    backbone = application_features(
        name=f"ResNet{depth}", input_shape=input_shape, weights=weights, any_size=True
    )
    backbone = dilate(network=backbone, output_stride=8)
    early = backbone.get_layer(f"conv4_block{_LAST_BLOCK_OF_STAGE_4[depth]}_out").output
    outputs = two_heads(
        features=backbone.output,
        first_features=early if two_level else None,
        num_classes=num_classes,
        dilations=dilations,
    )
    return tf.keras.Model(backbone.input, outputs, name=f"deeplab_resnet{depth}")
