"""Embeddings of all images of a data set, computed batch by batch."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rtml_tf.networks.checking import check_input_shape

# The values refer to their network only weakly, so an entry goes when its network goes.
_INFERENCE_FUNCTIONS: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def embed(network: tf.keras.Model, batches: Any) -> tuple[np.ndarray, np.ndarray]:
    """Embeds every image once, in order, with the network in inference mode.

    The network is traced once for one image shape, however often it is evaluated and whatever
    the size of the last batch.

    Args:
        network: Images `[B, H, W, C]` in [0, 1] to embeddings `[B, D]`; called with
            `training=False`.
        batches: An `OrderedBatches`, or any object whose `dataset()` gives a finite
            `tf.data.Dataset` of `{"image": [B, H, W, C], "label": [B]}`.

    Returns:
        `(embeddings, labels)`: float32 `[N, D]` and int32 `[N]`.

    Raises:
        ValueError: If the network does not take images of this shape, does not give one vector
            an image, or if there are no images.
    """
    dataset = batches.dataset()
    function = embedding_function(network, dataset.element_spec["image"].shape[1:])
    embeddings = []
    labels = []
    for batch in dataset:
        embeddings.append(function(batch["image"]).numpy())
        labels.append(batch["label"].numpy())
    if not embeddings:
        raise ValueError("batches must hold at least one image, got none.")
    return np.concatenate(embeddings), np.concatenate(labels)


def embedding_function(
    network: tf.keras.Model, image_shape: tf.TensorShape | Sequence[int]
) -> Callable[[tf.Tensor], tf.Tensor]:
    """The network in inference mode as a graph, traced once for one image shape.

    The network is not kept alive by it, and must be while it is called.

    Args:
        network: Images `[B, H, W, C]` in [0, 1] to embeddings `[B, D]`.
        image_shape: `(H, W, C)` of the images.

    Returns:
        Images, float32 `[B, H, W, C]`, to embeddings, float32 `[B, D]`; for any `B`.

    Raises:
        ValueError: If the network does not take images of this shape or does not give one vector
            an image.
    """
    check_input_shape(network, image_shape)
    return _inference_function(network).get_concrete_function(
        tf.TensorSpec([None, *image_shape], tf.float32)
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


def _inference_function(network: tf.keras.Model) -> Any:
    function = _INFERENCE_FUNCTIONS.get(network)
    if function is not None:
        return function
    reference = weakref.ref(network)

    @tf.function
    def infer(images: tf.Tensor) -> tf.Tensor:
        embeddings = reference()(images, training=False)
        if embeddings.shape.rank != 2:
            raise ValueError(
                "The network must give one vector an image, [B, D], got an output of shape "
                f"{embeddings.shape}."
            )
        return tf.cast(embeddings, tf.float32)

    _INFERENCE_FUNCTIONS[network] = infer
    return infer
