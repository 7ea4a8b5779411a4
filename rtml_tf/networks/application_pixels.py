"""The pixel values that each family of `tf.keras.applications` was trained on.

Keras states them as a `preprocess_input` for images in [0, 255] or as layers inside the network.
Here they are one `PixelNormalization` for images in [0, 1].
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from rtml_tf.layers.pixel_normalization import PixelNormalization

_UNIT = {"mean": 0.0, "std": 1.0}
_BYTES = {"mean": 0.0, "std": 1.0 / 255.0}
_SYMMETRIC = {"mean": 0.5, "std": 0.5}  # mode "tf"
_SYMMETRIC_128 = {"mean": 128.0 / 255.0, "std": 128.0 / 255.0}
_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}  # mode "torch"
_BGR = {  # mode "caffe"
    "mean": (123.68 / 255.0, 116.779 / 255.0, 103.939 / 255.0),
    "std": 1.0 / 255.0,
    "reverse_channels": True,
}

# By the longest prefix of the name that is listed.
_PIXELS: Mapping[str, Mapping[str, Any]] = {
    "ConvNeXt": _IMAGENET,
    "DenseNet": _IMAGENET,
    "EfficientNetB": _BYTES,  # normalises inside, which no argument turns off
    "EfficientNetV2B": _IMAGENET,
    "EfficientNetV2L": _SYMMETRIC_128,
    "EfficientNetV2M": _SYMMETRIC_128,
    "EfficientNetV2S": _SYMMETRIC_128,
    "InceptionResNetV2": _SYMMETRIC,
    "InceptionV3": _SYMMETRIC,
    "MobileNet": _SYMMETRIC,
    "NASNet": _SYMMETRIC,
    "RegNet": _UNIT,
    "ResNet101": _BGR,
    "ResNet101V2": _SYMMETRIC,
    "ResNet152": _BGR,
    "ResNet152V2": _SYMMETRIC,
    "ResNet50": _BGR,
    "ResNet50V2": _SYMMETRIC,
    "ResNetRS": _IMAGENET,
    "VGG": _BGR,
    "Xception": _SYMMETRIC,
}


def application_names() -> tuple[str, ...]:
    """Returns the names of the backbones of this Keras whose pixel values are known, sorted."""
    return tuple(
        name
        for name in sorted(dir(tf.keras.applications))
        if callable(getattr(tf.keras.applications, name)) and _prefix(name)
    )


def application_pixels(name: str) -> PixelNormalization:
    """Returns the layer from RGB images in [0, 1] to what the backbone `name` takes.

    The backbone is to be built with `include_preprocessing=False` where it has that argument.

    Raises:
        ValueError: If the values of the backbone are not known.
    """
    prefix = _prefix(name)
    if not prefix:
        raise ValueError(f"name must be one of {application_names()}, got {name!r}.")
    return PixelNormalization(**_PIXELS[prefix])


def _prefix(name: str) -> str:
    """Returns the longest prefix of `name` in the table, or an empty string."""
    return max((prefix for prefix in _PIXELS if name.startswith(prefix)), key=len, default="")
