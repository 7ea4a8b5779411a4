"""Domain discriminators: of segmentation maps and of embeddings."""

from collections.abc import Sequence

import tensorflow as tf


def map_discriminator(
    *,
    input_shape: Sequence[int | None],
    filters: Sequence[int] = (64, 128, 256, 512),
    slope: float = 0.2,
) -> tf.keras.Model:
    """Returns the fully convolutional discriminator of AdaptSegNet, AdvEnt and CLAN.

    4x4 convolutions with stride 2 and zero padding 1, a leaky ReLU after all but the last, no
    batch norm (Tsai et al., CVPR 2018, section 5.1).

    Args:
        input_shape: `(height, width, K)` of the maps; height and width may be None for maps of
            any size.
        filters: Channels of the convolutions before the last, which has one: the width, and by
            its length the depth.
        slope: Of the leaky ReLU below 0.

    Returns:
        The network: "map" `[B, H, W, K]` to float32 logits
        `[B, H // 2**n, W // 2**n, 1]`, n the number of convolutions, above 0 for the target.

    Raises:
        ValueError: If an argument is out of range, or the maps are too small for the depth.
    """
    filters = tuple(filters)
    if not filters or min(filters) < 1:
        raise ValueError(f"filters must be at least one positive integer, got {filters}.")
    smallest = 2 ** (len(filters) + 1)
    known = [size for size in input_shape[:2] if size is not None]
    if known and min(known) < smallest:
        raise ValueError(
            f"A discriminator of {len(filters) + 1} convolutions takes maps of at least "
            f"{smallest}x{smallest}, got {tuple(input_shape)}; give it fewer filters."
        )
    seen = features = tf.keras.Input(tuple(input_shape), dtype="float32", name="map")
    for number, count in enumerate((*filters, 1), start=1):
        features = tf.keras.layers.ZeroPadding2D(1, name=f"pad{number}")(features)
        last = number > len(filters)
        features = tf.keras.layers.Conv2D(
            count, 4, strides=2, dtype="float32" if last else None, name=f"conv{number}"
        )(features)
        if not last:
            features = tf.keras.layers.LeakyReLU(slope, name=f"relu{number}")(features)
    return tf.keras.Model(seen, features, name="map_discriminator")


def embedding_discriminator(
    *, embedding_size: int, filters: Sequence[int] = (256, 256), slope: float = 0.2
) -> tf.keras.Model:
    """Returns a discriminator of embeddings: dense layers with leaky ReLUs, no batch norm.

    Args:
        embedding_size: The size `D` of the embeddings.
        filters: Units of the layers before the last, which has one.
        slope: Of the leaky ReLU below 0.

    Returns:
        The network: "embedding" `[B, D]` to float32 logits `[B, 1]`, above 0 for the target.

    Raises:
        ValueError: If an argument is out of range.
    """
    filters = tuple(filters)
    if not filters or min(filters) < 1:
        raise ValueError(f"filters must be at least one positive integer, got {filters}.")
    if embedding_size < 1:
        raise ValueError(f"embedding_size must be at least 1, got {embedding_size}.")
    embedding = features = tf.keras.Input((embedding_size,), dtype="float32", name="embedding")
    for number, count in enumerate(filters, start=1):
        features = tf.keras.layers.Dense(
            count, kernel_initializer="he_normal", name=f"dense{number}"
        )(features)
        features = tf.keras.layers.LeakyReLU(slope, name=f"relu{number}")(features)
    logits = tf.keras.layers.Dense(1, dtype="float32", name="logit")(features)
    return tf.keras.Model(embedding, logits, name="embedding_discriminator")
