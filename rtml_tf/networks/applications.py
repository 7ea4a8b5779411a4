"""Backbones of `tf.keras.applications`: their features, and embedding networks of them."""

import difflib
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from rtml_tf.networks.application_pixels import application_names, application_pixels
from rtml_tf.networks.embedding_head import embedding_head
from rtml_tf.networks.image_input import image_input, normalize_pixels
from rtml_tf.networks.joining import join_networks

# Decided by `application` itself, or without a meaning where there is no classification.
_NOT_OFFERED = {
    "classes",
    "classifier_activation",
    "include_preprocessing",
    "include_top",
    "input_shape",
    "input_tensor",
    "kwargs",
    "model_name",
    "pooling",
    "weights",
}


def application(
    *,
    name: str,
    input_shape: Sequence[int],
    embedding_size: int = 128,
    weights: str | os.PathLike | None = None,
    pooling: tf.keras.layers.Layer | None = None,
    backbone_arguments: Mapping[str, Any] | None = None,
    batch_norm_momentum: float | None = None,
) -> tf.keras.Model:
    """Returns a backbone of `tf.keras.applications` with an embedding head.

    Args:
        name: The name of the backbone, such as "ResNet50" or "MobileNetV3Small".
        input_shape: `(height, width, channels)` of the images, as for `application_features`.
        embedding_size: Embedding dimensions `D`.
        weights: As for `application_features`.
        pooling: A layer from `[B, H, W, C]` to `[B, C]`; None means global average.
        backbone_arguments: As for `application_features`.
        batch_norm_momentum: As for `application_features`.

    Returns:
        The network: "image" `[B, H, W, C]` in [0, 1] to float32 `[B, D]`, L2-normalised.

    Raises:
        FileNotFoundError: If the weight file does not exist.
        OSError: If "imagenet" weights cannot be downloaded.
        ValueError: If an argument is out of range, or the weight file does not fit.
    """
    backbone = application_features(
        name=name,
        input_shape=input_shape,
        weights=weights,
        backbone_arguments=backbone_arguments,
        batch_norm_momentum=batch_norm_momentum,
    )
    embeddings = embedding_head(
        features=backbone.output, embedding_size=embedding_size, pooling=pooling
    )
    return tf.keras.Model(backbone.input, embeddings, name=backbone.name)


def application_features(
    *,
    name: str,
    input_shape: Sequence[int | None],
    weights: str | os.PathLike | None = None,
    backbone_arguments: Mapping[str, Any] | None = None,
    batch_norm_momentum: float | None = None,
    any_size: bool = False,
) -> tf.keras.Model:
    """Returns a backbone of `tf.keras.applications` from images to its last feature map.

    The network takes images in [0, 1] like every other; what the backbone's `preprocess_input`
    does is its first layer. Grey images are repeated to the three channels that the weights are
    for. The result is one functional graph, as flat as Keras's own, with the backbone's layer
    names. (Keras numbers the layers that it does not name, so a few names of MobileNetV3,
    Inception and Xception depend on what was built before in the process.)

    Args:
        name: The name of the backbone, such as "ResNet50" or "MobileNetV3Small".
        input_shape: `(height, width, channels)` of the images, with 1 or 3 channels. The smallest
            size is the backbone's, mostly 32x32.
        weights: None for random weights; "imagenet" for Keras's weights, which are downloaded
            once into `~/.keras/models`; or an `.h5` file of weights of the backbone without its
            classification layer ("notop"), as Keras publishes them or `save_weights` writes them.
            (EfficientNetB0 to B7 rescale their input for "imagenet" only, as Keras does.)
        backbone_arguments: Further arguments of the backbone, such as `{"alpha": 0.35}` for
            MobileNetV2.
        batch_norm_momentum: Momentum of the running statistics of the batch norms; None leaves
            Keras's, 0.99 or 0.999, with which the statistics are still far from those of the
            weights after some hundred steps.
        any_size: Whether height and width may be None, for images of any size.

    Returns:
        The network: "image" `[B, H, W, C]` in [0, 1] to features `[B, H', W', C']`.

    Raises:
        FileNotFoundError: If the weight file does not exist.
        OSError: If "imagenet" weights cannot be downloaded.
        ValueError: If an argument is out of range, or the weight file does not fit.
    """
    build = _builder(name)
    weights = _checked_weights(weights)
    image = image_input(input_shape=input_shape, any_size=any_size)
    height, width, channels = image.shape[1:]
    if channels not in (1, 3):
        raise ValueError(
            f"input_shape must have 1 or 3 channels for an application, got {input_shape}."
        )
    arguments = _checked_arguments(name, build, backbone_arguments or {})
    arguments |= {"include_top": False, "input_shape": (height, width, 3)}
    backbone = _build_backbone(name, build, arguments, weights)
    if batch_norm_momentum is not None:
        _set_momentum(backbone, batch_norm_momentum)
    pixels = image
    if channels == 1:
        pixels = tf.keras.layers.Concatenate(dtype="float32", name="grey_to_rgb")([image] * 3)
    pixels = normalize_pixels(image=pixels, normalization=application_pixels(name))
    # Not by `input_tensor`: ConvNeXt and RegNet would go back to the image behind the pixels.
    return join_networks(first=tf.keras.Model(image, pixels), second=backbone)


def _builder(name: str) -> Callable[..., tf.keras.Model]:
    """Returns the function of `tf.keras.applications` called `name`."""
    names = application_names()
    if name not in names:
        by_lower = {known.lower(): known for known in names}
        close = difflib.get_close_matches(str(name).lower(), by_lower, n=3)
        meant = ", ".join(by_lower[match] for match in close) or ", ".join(names)
        raise ValueError(
            f"name must be a backbone of tf.keras.applications, got {name!r}; did you mean one "
            f"of: {meant}?"
        )
    return getattr(tf.keras.applications, name)


def _checked_arguments(
    name: str, build: Callable[..., tf.keras.Model], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the arguments of `build`, with its own preprocessing turned off."""
    parameters = inspect.signature(build).parameters
    offered = sorted(set(parameters) - _NOT_OFFERED)
    unknown = sorted(set(arguments) - set(offered))
    if unknown:
        raise ValueError(f"backbone_arguments of {name} must be among {offered}, got {unknown}.")
    switch = {"include_preprocessing": False} if "include_preprocessing" in parameters else {}
    return dict(arguments) | switch


def _checked_weights(weights: str | os.PathLike | None) -> str | None:
    """Returns None, "imagenet" or the path of an existing file."""
    if weights is None or weights == "imagenet":
        return weights
    path = os.fspath(weights)
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f'weights must be None, "imagenet" or an existing .h5 file, got {path!r}.'
        )
    if not path.endswith(".h5"):
        raise ValueError(f"weights must be a file that ends in .h5, got {path!r}.")
    return path


def _build_backbone(
    name: str,
    build: Callable[..., tf.keras.Model],
    arguments: Mapping[str, Any],
    weights: str | None,
) -> tf.keras.Model:
    """Returns the backbone with its weights, on an input of its own."""
    download = weights == "imagenet"
    try:
        backbone = build(weights="imagenet" if download else None, **arguments)
    except ValueError as error:
        raise ValueError(f"{name} cannot be built with {dict(arguments)}: {error}") from error
    except Exception as error:  # What `tf.keras.utils.get_file` raises when a fetch fails.
        if not download:
            raise
        raise OSError(
            f"The imagenet weights of {name} could not be downloaded ({error}). Put the file "
            "into ~/.keras/models, or give its path as weights."
        ) from error
    if weights is None or download:
        return backbone
    try:
        backbone.load_weights(weights)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(
            f"The weight file {weights} does not fit {name} without its classification layer: "
            f"{error}"
        ) from error
    return backbone


def _set_momentum(backbone: tf.keras.Model, momentum: float) -> None:
    if not 0.0 <= momentum < 1.0:
        raise ValueError(f"batch_norm_momentum must be in [0, 1) or None, got {momentum}.")
    for layer in backbone.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.momentum = momentum
