"""DeepLab-v2 on MobileNetV2: a pretrained segmentation network for one CPU."""

import os
from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.networks.applications import application_features
from rtml_tf.networks.aspp import two_heads
from rtml_tf.networks.dilation import dilate


def deeplab_mobilenet(
    *,
    input_shape: Sequence[int | None],
    num_classes: int,
    width: float = 1.0,
    weights: str | os.PathLike | None = None,
    dilations: Sequence[int] = (1, 2, 3, 4),
) -> tf.keras.Model:
    """Returns MobileNetV2 with feature maps of stride 8 and two ASPP heads.

    As for semantic segmentation in Sandler et al., CVPR 2018, section 6.3, without the last 1x1
    convolution of the classifier ("the second-last feature map is enough").

    Args:
        input_shape: `(height, width, channels)` of the images, at least 32x32; height and width
            may be None for images of any size.
        num_classes: The number of classes `K`.
        width: Factor on the number of channels (Keras's `alpha`).
        weights: Of MobileNetV2: None, "imagenet" (for widths 0.35, 0.5, 0.75, 1, 1.3, 1.4) or a
            file, as for `application_features`. The heads start at random.
        dilations: Of the heads, in feature positions; small, as the maps of small images are.

    Returns:
        The network: "image" `[B, H, W, C]` in [0, 1] to `{"p1", "p2"}`, logits float32
        `[B, ceil(H / 8), ceil(W / 8), K]`; its prediction is their sum.

    Raises:
        FileNotFoundError, OSError: If weights cannot be had.
        ValueError: If an argument is out of range, or the weight file does not fit.
    """
    backbone = application_features(
        name="MobileNetV2",
        input_shape=input_shape,
        weights=weights,
        backbone_arguments={"alpha": width},
        any_size=True,
    )
    last = backbone.get_layer("block_16_project_BN")
    features = dilate(network=tf.keras.Model(backbone.input, last.output), output_stride=8)
    outputs = two_heads(features=features.output, num_classes=num_classes, dilations=dilations)
    return tf.keras.Model(features.input, outputs, name="deeplab_mobilenet")
