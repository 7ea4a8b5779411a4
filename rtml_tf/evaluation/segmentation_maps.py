"""What a segmentation network says of each pixel, computed batch by batch."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from rtml_tf.layers.bilinear import resize_bilinear
from rtml_tf.networks.checking import check_input_shape
from rtml_tf.networks.segmentation_network import check_segmentation_network

# The values refer to their network only weakly, so an entry goes when its network goes.
_INFERENCE_FUNCTIONS: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def logits_function(
    network: tf.keras.Model, image_shape: Sequence[int]
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """The network in inference mode as a graph, traced once for one image shape.

    The network is not kept alive by it, and must be while it is called.

    Args:
        network: A segmentation network: images `[B, H, W, C]` in [0, 1] to `{"p1", "p2"}`; or an
            exported file, which gives the sum of both heads, `[B, H, W, K]`: the second is 0.
        image_shape: `(H, W, C)` of the images.

    Returns:
        Images, float32 `[B, H, W, C]` for any `B`, to the logits of both heads, float32
        `[B, h, w, K]` each.

    Raises:
        ValueError: If the network is something else, or does not take images of this shape.
    """
    exported = not isinstance(network, tf.keras.Model) and _is_map(network)
    if not exported:
        check_segmentation_network(network)
    check_input_shape(network, image_shape)
    if network not in _INFERENCE_FUNCTIONS:
        reference = weakref.ref(network)

        @tf.function
        def infer(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            outputs = reference()(images, training=False)
            if exported:
                return outputs, tf.zeros_like(outputs)
            return outputs["p1"], outputs["p2"]

        _INFERENCE_FUNCTIONS[network] = infer
    return _INFERENCE_FUNCTIONS[network].get_concrete_function(
        tf.TensorSpec([None, *image_shape], tf.float32)
    )


def _is_map(network: Any) -> bool:
    return len(getattr(network, "output_shape", ())) == 4


@tf.function
def predicted_classes(
    first: tf.Tensor, second: tf.Tensor, size: tuple[int, int], aligned_corners: bool
) -> tf.Tensor:
    """The class of each pixel by the sum of both heads.

    Args:
        first: Logits of the first head, float32 `[B, h, w, K]`.
        second: Logits of the second head, likewise.
        size: `(H, W)` that the logits are resized to.
        aligned_corners: How; see `resize_bilinear`.

    Returns:
        int32 `[B, H, W]`.
    """
    logits = resize_bilinear(first + second, size, aligned_corners=aligned_corners)
    return tf.argmax(logits, axis=-1, output_type=tf.int32)
