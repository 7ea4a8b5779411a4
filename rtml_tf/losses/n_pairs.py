"""N-pairs loss (Sohn, NeurIPS 2016)."""

from typing import Any

import tensorflow as tf

from rtml_tf import addons
from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.metric_loss import MetricLoss, checked_batch


def n_pairs_loss(embeddings: tf.Tensor, labels: tf.Tensor, *, scale: float = 10.0) -> tf.Tensor:
    """Each anchor picks its positive among the positives of all pairs, by cross-entropy.

    The batch is cut into pairs (x_i, x_i+): of each class, in the order of the batch, the first two
    examples, the next two and so on; an odd last one is left out. The first of a pair is the anchor
    (Sohn 2016, section 3.2):

        1/N sum_i log(1 + sum_{j != i} exp(scale (cos(x_i, x_j+) - cos(x_i, x_i+))))

    So, as in the paper, it matters which example of a pair comes first. Batches with two images a
    class are those of the paper; where a class has more pairs they are positives of each other with
    equal weight (TensorFlow Addons), and the loss has a lower bound above 0. A batch without a
    pair, or whose pairs are all of one class, has loss 0.

    The paper takes inner products and keeps embeddings short by a penalty. Ours have length 1, so
    that inner products cannot spread the softmax by themselves: `scale` does it.

    Args:
        embeddings: floating `[B, D]`.
        labels: integer `[B]`.
        scale: What the cosines are multiplied by, above 0 (an inverse temperature).

    Returns:
        float32 scalar of at least 0.
    """
    embeddings, labels = checked_batch(embeddings, labels)
    anchors, positives = _pair_up(labels)
    pair_labels = tf.gather(labels, anchors)  # [N]
    logits = scale * pairs.cosine_similarities(
        tf.gather(embeddings, anchors), tf.gather(embeddings, positives)
    )
    _, negative = pairs.pair_masks(pair_labels, pair_labels)
    return pairs.zero_unless(
        tf.reduce_any(negative), lambda: addons.npairs_loss(pair_labels, logits), embeddings
    )


def _pair_up(labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Positions of the anchors and of their positives, `[B]` -> `[N]`, `[N]`."""
    same_label = labels[:, tf.newaxis] == labels[tf.newaxis, :]
    seen = tf.cumsum(tf.cast(same_label, tf.int32), axis=1, exclusive=True)
    rank = tf.linalg.diag_part(seen)  # [B], place of each example within its class
    is_partner = same_label & (rank[tf.newaxis, :] == rank[:, tf.newaxis] + 1)
    starts_pair = (rank % 2 == 0) & tf.reduce_any(is_partner, axis=1)
    anchors = tf.where(starts_pair)[:, 0]
    positives = tf.gather(tf.argmax(tf.cast(is_partner, tf.int32), axis=1), anchors)
    return anchors, positives


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class NPairsLoss(MetricLoss):
    """`n_pairs_loss` as a layer.

    Attributes:
        scale: As in `n_pairs_loss`.
    """

    def __init__(self, *, scale: float = 10.0, name: str | None = None):
        """Checks and keeps the constant.

        Raises:
            ValueError: If `scale` is not above 0.
        """
        super().__init__(name=name)
        self.scale = arguments.positive("scale", scale)

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return n_pairs_loss(embeddings, labels, scale=self.scale)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}
