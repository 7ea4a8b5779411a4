"""Strides of a network turned into dilations, so that its feature maps stay large."""

from typing import Any

import tensorflow as tf

_CONVOLUTIONS = (tf.keras.layers.Conv2D, tf.keras.layers.DepthwiseConv2D)
_POOLINGS = (tf.keras.layers.MaxPooling2D, tf.keras.layers.AveragePooling2D)


def dilate(*, network: tf.keras.Model, output_stride: int) -> tf.keras.Model:
    """Returns a network with the same weights whose feature map is at most so many times smaller.

    Every convolution whose stride would go beyond `output_stride` keeps its place and gets stride
    1; what comes after it is dilated by the stride that was taken away. At the positions where
    the original network has an output, and away from the borders, the new one has the same, as long
    as paths that meet again have their strides at the same positions. Those of a 3x3 convolution
    with "same" padding are the odd ones of an even map, those of a 1x1 convolution the even ones:
    where a residual stage adds the two, as those of `resnet` do, its paths are one position apart
    in the new network, which then computes something else with the same weights.
    Source: Chen et al., DeepLab, TPAMI 2018, section 3.1.

    Args:
        network: A functional network from images to features whose layers are all its own, such
            as `application_features` returns; stays as it is.
        output_stride: The stride of the feature map, at most; a power of 2.

    Raises:
        ValueError: If `output_stride` is not a power of 2, or a pooling layer would have to be
            dilated.
    """
    if output_stride < 1 or output_stride & (output_stride - 1):
        raise ValueError(f"output_stride must be a power of 2, got {output_stride}.")
    config = network.get_config()
    entries = {entry["name"]: entry for entry in config["layers"]}
    strides, dilations = {}, {}  # what the output of each layer has
    for name, entry in entries.items():
        sources = _sources(entry)
        stride = max((strides[source] for source in sources), default=1)
        dilation = max((dilations[source] for source in sources), default=1)
        layer = network.get_layer(name)
        if isinstance(layer, _CONVOLUTIONS + _POOLINGS):
            step = max(layer.strides)
            removed = stride * step > output_stride
            if isinstance(layer, _CONVOLUTIONS):
                _change(entry["config"], removed, dilation)
                if (removed or dilation > 1) and layer.padding == "valid":
                    _pad(layer, dilation, [entries[source] for source in sources])
            elif removed or dilation > 1:
                raise ValueError(
                    f"output_stride {output_stride} would dilate the pooling layer {name!r} of "
                    f"{network.name!r}, which cannot be."
                )
            stride, dilation = (stride, dilation * step) if removed else (stride * step, dilation)
        strides[name], dilations[name] = stride, dilation
    with tf.keras.utils.custom_object_scope({type(x).__name__: type(x) for x in network.layers}):
        dilated = tf.keras.Model.from_config(config)
    for layer in network.layers:
        dilated.get_layer(layer.name).set_weights(layer.get_weights())
    return dilated


def _sources(entry: dict[str, Any]) -> list[str]:
    """The names of the layers that a layer of a functional configuration takes tensors from."""
    return [source for node in entry["inbound_nodes"] for source, *_ in node]


def _change(config: dict[str, Any], removed: bool, dilation: int) -> None:
    if removed:
        config["strides"] = (1, 1)
    config["dilation_rate"] = tuple(dilation * rate for rate in config["dilation_rate"])


def _pad(layer: tf.keras.layers.Layer, dilation: int, sources: list[dict[str, Any]]) -> None:
    """Makes a padding layer before an unpadded convolution keep the size of the map."""
    if max(layer.kernel_size) == 1:
        return
    (padding,) = sources
    if padding["class_name"] != "ZeroPadding2D":
        raise ValueError(
            f"The convolution {layer.name!r} has no padding and cannot be dilated without losing "
            "the borders of the map."
        )
    padding["config"]["padding"] = [
        [dilation * rate * (size // 2)] * 2
        for size, rate in zip(layer.kernel_size, layer.dilation_rate)
    ]
