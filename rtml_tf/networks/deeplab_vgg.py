"""DeepLab-v2 on VGG-16, with two heads."""

import os
from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.networks.applications import application_features
from rtml_tf.networks.aspp import DEEPLAB_DILATIONS, two_heads


def deeplab_vgg(
    *,
    input_shape: Sequence[int | None],
    num_classes: int,
    weights: str | os.PathLike | None = None,
    fc_filters: int = 1024,
    dilations: Sequence[int] = DEEPLAB_DILATIONS,
) -> tf.keras.Model:
    """Returns DeepLab-v2 (Chen et al., TPAMI 2018) on VGG-16, as AdaptSegNet and CLAN use it.

    The last two poolings are gone, so that the feature map has stride 8; the fifth block is
    dilated by 2, and the fully connected layers are 3x3 convolutions dilated by 4. There is no
    batch norm.

    Args:
        input_shape: `(height, width, channels)` of the images, at least 32x32; height and width
            may be None for images of any size.
        num_classes: The number of classes `K`.
        weights: Of VGG-16 without its fully connected layers: None, "imagenet" or a file, as for
            `application_features`. What stands for those layers starts at random, as the heads do.
        fc_filters: Channels of the two convolutions that stand for the fully connected layers.
        dilations: Of the heads, in feature positions.

    Returns:
        The network: "image" `[B, H, W, C]` in [0, 1] to `{"p1", "p2"}`, logits float32
        `[B, H // 8, W // 8, K]`; its prediction is their sum.

    Raises:
        FileNotFoundError, OSError: If weights cannot be had.
        ValueError: If an argument is out of range, or the weight file does not fit.
    """
    backbone = application_features(
        name="VGG16", input_shape=input_shape, weights=weights, any_size=True
    )
    features = backbone.get_layer("block4_conv3").output
    for number in (1, 2, 3):
        layer = backbone.get_layer(f"block5_conv{number}")
        dilated = tf.keras.layers.Conv2D.from_config(layer.get_config() | {"dilation_rate": (2, 2)})
        features = dilated(features)
        dilated.set_weights(layer.get_weights())
    for name in ("fc6", "fc7"):
        features = tf.keras.layers.Conv2D(
            fc_filters,
            3,
            padding="same",
            dilation_rate=4,
            activation="relu",
            kernel_initializer="he_normal",
            name=name,
        )(features)
    outputs = two_heads(features=features, num_classes=num_classes, dilations=dilations)
    return tf.keras.Model(backbone.input, outputs, name="deeplab_vgg")
