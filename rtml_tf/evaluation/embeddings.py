"""Embeddings of all images of a data set, computed batch by batch."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rtml_tf.evaluation.division import Division, NumberedBatches
from rtml_tf.layers.replicas import on_each_replica, replicas_here
from rtml_tf.networks.checking import check_input_shape

# By network, then by shape and replicas. The values refer to their network only weakly, so an entry
# goes when its network goes.
_INFERENCE_FUNCTIONS: weakref.WeakKeyDictionary[Any, dict] = weakref.WeakKeyDictionary()


def embed(
    network: tf.keras.Model, batches: NumberedBatches, *, among_workers: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Embeds every image once, in order, with the network in inference mode.

    The network is traced once for one image shape, however often it is evaluated and whatever
    the size of the last batch. Under a distribution strategy the replicas divide the batches, and
    every worker must call this at the same time.

    Args:
        network: Images `[B, H, W, C]` in [0, 1] to embeddings `[B, D]`; called with
            `training=False`.
        batches: Such as `OrderedBatches`.
        among_workers: Whether workers divide the batches. Otherwise each embeds everything, whether
            or not the others do.

    Returns:
        `(embeddings, labels)`: float32 `[N, D]` and int32 `[N]`.

    Raises:
        ValueError: If the network does not take images of this shape, does not give one vector
            an image, or if there are no images.
    """
    function = None
    division = Division(batches, among_workers=among_workers)
    embeddings = []
    for group in division.groups():
        images = [batch["image"] for _, batch in group]
        function = function or embedding_function(network, images[0].shape[1:])
        embeddings += [part.numpy() for part in function(images)]
    if not embeddings:
        raise ValueError("batches must hold at least one image, got none.")
    return division.joined(embeddings), np.asarray(batches.labels)


def embedding_function(
    network: tf.keras.Model, image_shape: Sequence[int]
) -> Callable[[Sequence[tf.Tensor]], list[tf.Tensor]]:
    """The network in inference mode as a graph, traced once for one image shape.

    The network is not kept alive by it, and must be while it is called.

    Args:
        network: Images `[B, H, W, C]` in [0, 1] to embeddings `[B, D]`.
        image_shape: `(H, W, C)` of the images.

    Returns:
        Images for each replica of this program, or for some of them, float32 `[B, H, W, C]`, to
        their embeddings, float32 `[B, D]`; for any `B`.

    Raises:
        ValueError: If the network does not take images of this shape or does not give one vector
            an image.
    """
    check_input_shape(network, image_shape)
    functions = _INFERENCE_FUNCTIONS.setdefault(network, {})
    key = (*image_shape, replicas_here())
    if key not in functions:
        functions[key] = _inference_function(network, image_shape)
    return functions[key]


def check_unit_length(embeddings: np.ndarray, *, name: str = "network") -> None:
    """Refuses a network whose embeddings are not at unit length.

    Args:
        embeddings: `[N, D]`. A zero vector passes: an image without any feature may embed so.
        name: What the error message calls the network.

    Raises:
        ValueError: If a length is neither 1 nor 0, up to rounding.
    """
    lengths = np.linalg.norm(embeddings, axis=1)
    if not np.all((np.abs(lengths - 1.0) < 1e-2) | (lengths < 1e-6)):
        raise ValueError(
            f"The {name} must give embeddings at unit length (its last layer is an "
            f"L2Normalization), got lengths from {lengths.min():.3g} to {lengths.max():.3g}."
        )


def normalised_embeddings(embeddings: np.ndarray, *, name: str = "embeddings") -> np.ndarray:
    """Checks embeddings and scales each to length one.

    A zero vector stays zero: it is as similar to everything as an orthogonal vector.

    Args:
        embeddings: `[N, D]`, any real type.
        name: What error messages call them.

    Returns:
        float32 `[N, D]`, a copy.

    Raises:
        ValueError: If they are not a matrix, are empty or are not finite.
    """
    embeddings = np.array(embeddings, dtype=np.float32)
    if embeddings.ndim != 2 or embeddings.size == 0:
        raise ValueError(
            f"{name} must be a non-empty matrix [N, D], got an array of shape {embeddings.shape}."
        )
    finite = np.isfinite(embeddings).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"{name} must be finite, got {np.count_nonzero(~finite)} of {len(finite)} rows with "
            f"NaN or infinity, the first at row {np.argmin(finite)}."
        )
    # Scaled by the largest component first: the square of a large float32 overflows.
    embeddings /= np.maximum(np.abs(embeddings).max(axis=1, keepdims=True), np.float32(1e-30))
    norms = np.sqrt(np.einsum("nd,nd->n", embeddings, embeddings))[:, np.newaxis]
    embeddings /= np.maximum(norms, np.float32(1e-30))
    return embeddings


def _inference_function(
    network: tf.keras.Model, image_shape: Sequence[int]
) -> Callable[[Sequence[tf.Tensor]], list[tf.Tensor]]:
    reference = weakref.ref(network)

    def infer(images: tf.Tensor) -> tf.Tensor:
        embeddings = reference()(images, training=False)
        if embeddings.shape.rank != 2:
            raise ValueError(
                "The network must give one vector an image, [B, D], got an output of shape "
                f"{embeddings.shape}."
            )
        return tf.cast(embeddings, tf.float32)

    graph = on_each_replica(infer, [tf.TensorSpec([None, *image_shape], tf.float32)])
    return lambda parts: graph([[images] for images in parts])
