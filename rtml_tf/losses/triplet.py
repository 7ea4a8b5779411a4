"""Triplet losses with semi-hard (Schroff et al., CVPR 2015) and hard (Hermans et al., 2017) mining.

Both hand their distances to TensorFlow Addons and cover the batches on which it is not defined.
"""

from typing import Any

import tensorflow as tf

from rtml_tf import addons
from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.metric_loss import MetricLoss, checked_batch

# Further than any margin, and far enough that exp(-distance) is 0 in float32.
_FAR = 1e4


def triplet_semihard_loss(
    embeddings: tf.Tensor, labels: tf.Tensor, *, margin: float = 0.2, squared: bool = True
) -> tf.Tensor:
    """Triplet loss whose negative is the nearest one that is further away than the positive.

    `max(0, d(a, p) - d(a, n) + margin)` for every positive pair (a, p). Where all negatives are
    nearer than p, n is the furthest of them. The mean is over all positive pairs, also those
    whose term is 0 (TensorFlow Addons; pytorch-metric-learning averages the terms above 0). A
    batch without a positive or without a negative pair has loss 0. Memory grows with B^3.

    Args:
        embeddings: floating `[B, D]`, L2-normalised.
        labels: integer `[B]`.
        margin: Above 0; FaceNet uses 0.2 on squared distances.
        squared: Squared distances, in [0, 4], instead of distances, in [0, 2].

    Returns:
        float32 scalar of at least 0.
    """
    embeddings, labels = checked_batch(embeddings, labels)
    distances = _distances(embeddings, squared)
    positive, negative = pairs.pair_masks(labels, labels)

    def loss() -> tf.Tensor:
        return addons.triplet_semihard_loss(
            labels, distances, margin=margin, distance_metric=_as_given
        )

    return pairs.zero_unless(tf.reduce_any(positive) & tf.reduce_any(negative), loss, embeddings)


def triplet_hard_loss(
    embeddings: tf.Tensor,
    labels: tf.Tensor,
    *,
    margin: float = 0.2,
    soft_margin: bool = False,
    squared: bool = False,
) -> tf.Tensor:
    """Triplet loss of each anchor's furthest positive and nearest negative ("batch hard").

    `max(0, d(a, p) - d(a, n) + margin)` (Hermans et al. 2017, equation 5), or, with a soft margin,
    `log(1 + exp(d(a, p) - d(a, n)))`. The mean is over all anchors that have a positive and a
    negative, also those whose term is 0. TensorFlow Addons alone would count an anchor without
    positives as one at distance 0 from it. No such anchor: loss 0.

    Args:
        embeddings: floating `[B, D]`, L2-normalised.
        labels: integer `[B]`.
        margin: At least 0; not used with a soft margin.
        soft_margin: Softplus instead of a hinge.
        squared: Squared distances, in [0, 4], instead of distances, in [0, 2].

    Returns:
        float32 scalar of at least 0.
    """
    embeddings, labels = checked_batch(embeddings, labels)
    distances = _distances(embeddings, squared)
    positive, negative = pairs.pair_masks(labels, labels)
    is_anchor = tf.reduce_any(positive, axis=1) & tf.reduce_any(negative, axis=1)
    # TensorFlow Addons averages over every row; a row whose negatives are all far away adds
    # exactly 0, and the mean is brought back to the anchors below.
    far_negatives = tf.where(negative, _FAR, 0.0)
    distances = tf.where(is_anchor[:, tf.newaxis], distances, far_negatives)
    anchor_share = tf.reduce_mean(tf.cast(is_anchor, tf.float32))

    def loss() -> tf.Tensor:
        mean_over_rows = addons.triplet_hard_loss(
            labels, distances, margin=margin, soft=soft_margin, distance_metric=_as_given
        )
        return mean_over_rows / anchor_share

    return pairs.zero_unless(tf.reduce_any(is_anchor), loss, embeddings)


def _distances(embeddings: tf.Tensor, squared: bool) -> tf.Tensor:
    distances = pairs.squared_distances if squared else pairs.euclidean_distances
    return distances(embeddings, embeddings)


def _as_given(distances: tf.Tensor) -> tf.Tensor:
    """The distance of TensorFlow Addons, where distances are handed over in place of embeddings.

    One function for all calls: TensorFlow Addons would trace a new graph for each new one.
    """
    return distances


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class TripletSemiHardLoss(MetricLoss):
    """`triplet_semihard_loss` as a layer.

    Attributes:
        margin, squared: As in `triplet_semihard_loss`.
    """

    def __init__(self, *, margin: float = 0.2, squared: bool = True, name: str | None = None):
        """Checks and keeps the constants.

        Raises:
            ValueError: If `margin` is not above 0.
        """
        super().__init__(name=name)
        self.margin = arguments.positive("margin", margin)
        self.squared = squared

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return triplet_semihard_loss(embeddings, labels, margin=self.margin, squared=self.squared)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin, "squared": self.squared}


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class TripletHardLoss(MetricLoss):
    """`triplet_hard_loss` as a layer.

    Attributes:
        margin, soft_margin, squared: As in `triplet_hard_loss`.
    """

    def __init__(
        self,
        *,
        margin: float = 0.2,
        soft_margin: bool = False,
        squared: bool = False,
        name: str | None = None,
    ):
        """Checks and keeps the constants.

        Raises:
            ValueError: If `margin` is below 0.
        """
        super().__init__(name=name)
        self.margin = arguments.non_negative("margin", margin)
        self.soft_margin = soft_margin
        self.squared = squared

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return triplet_hard_loss(
            embeddings,
            labels,
            margin=self.margin,
            soft_margin=self.soft_margin,
            squared=self.squared,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "margin": self.margin,
            "soft_margin": self.soft_margin,
            "squared": self.squared,
        }
