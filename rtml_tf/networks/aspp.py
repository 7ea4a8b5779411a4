"""The heads of segmentation networks: atrous spatial pyramid pooling."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

# DeepLab-v2's ("ASPP-L"), for feature maps of about 40 to 160 positions a side.
DEEPLAB_DILATIONS = (6, 12, 18, 24)


def aspp_head(
    *, features: tf.Tensor, num_classes: int, dilations: Sequence[int], name: str
) -> tf.Tensor:
    """Adds the sum of 3x3 convolutions with several dilations: one head of DeepLab-v2.

    Source: Chen et al., TPAMI 2018, section 3.2, in the form with one layer a dilation that
    AdaptSegNet and CLAN use. Kernels start from N(0, 0.01), biases at 0.

    Args:
        features: Keras tensor `[B, H, W, C]`.
        num_classes: Channels of the output.
        dilations: One convolution for each, in feature positions.
        name: Name of the sum, and prefix of the convolutions: `{name}_dilation{d}`.

    Returns:
        Logits: Keras tensor, float32 `[B, H, W, num_classes]`.

    Raises:
        ValueError: If `num_classes` is below 2, or `dilations` are not at least two different
            positive integers.
    """
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, got {num_classes}.")
    if len(dilations) < 2 or len(set(dilations)) < len(dilations) or min(dilations) < 1:
        raise ValueError(
            f"dilations must be at least two different positive integers, got {dilations}."
        )
    branches = [
        tf.keras.layers.Conv2D(
            num_classes,
            3,
            padding="same",
            dilation_rate=dilation,
            # One for each: an initializer that is used twice gives the same values twice.
            kernel_initializer=tf.keras.initializers.RandomNormal(stddev=0.01),
            name=f"{name}_dilation{dilation}",
        )(features)
        for dilation in dilations
    ]
    return tf.keras.layers.Add(dtype="float32", name=name)(branches)


def two_heads(
    *,
    features: tf.Tensor,
    num_classes: int,
    dilations: Sequence[int],
    first_features: tf.Tensor | None = None,
) -> Mapping[str, tf.Tensor]:
    """Adds the two classifiers of CLAN, "p1" and "p2", which differ in their weights only.

    Args:
        features: Keras tensor `[B, H, W, C]`.
        num_classes: The number of classes `K`.
        dilations: Of both heads, as for `aspp_head`.
        first_features: What the first head sees, if something else.

    Returns:
        The outputs of a segmentation network: `{"p1": ..., "p2": ...}`, logits as of `aspp_head`.
    """
    first = features if first_features is None else first_features
    return {
        name: aspp_head(features=seen, num_classes=num_classes, dilations=dilations, name=name)
        for name, seen in (("p1", first), ("p2", features))
    }
