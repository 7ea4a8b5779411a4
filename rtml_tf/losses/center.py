"""Center loss (Wen et al., ECCV 2016)."""

from typing import Any

import tensorflow as tf

from rtml_tf.losses import arguments
from rtml_tf.losses.class_weights import ClassVectorLoss, checked_class_batch


def center_loss(embeddings: tf.Tensor, labels: tf.Tensor, centers: tf.Tensor) -> tf.Tensor:
    """Half the squared distance of each embedding to the centre of its class, averaged.

    Wen et al. 2016, equation 2, divided by the batch size as in the authors' code.

    Args:
        embeddings: floating `[B, D]`.
        labels: integer `[B]` in `[0, C)`.
        centers: float32 `[C, D]`.

    Returns:
        float32 scalar of at least 0.
    """
    embeddings, labels = checked_class_batch(embeddings, labels, centers)
    differences = embeddings - tf.gather(centers, labels)
    return tf.reduce_mean(0.5 * tf.reduce_sum(tf.square(differences), axis=1))


def moved_centers(
    centers: tf.Tensor, sums: tf.Tensor, counts: tf.Tensor, *, alpha: float
) -> tf.Tensor:
    """The centres after one batch (Wen et al. 2016, equation 4 and algorithm 1).

    `c_j - alpha sum_i (c_j - x_i) / (1 + n_j)` over the n_j embeddings x_i of class j.

    Args:
        centers: float32 `[C, D]`.
        sums: float32 `[C, D]`, the sum of each class's embeddings.
        counts: float32 `[C]`, how many embeddings of each class there are.
        alpha: In [0, 1]; 0 leaves the centres where they are.

    Returns:
        float32 `[C, D]`.
    """
    counts = counts[:, tf.newaxis]
    return centers - alpha * (counts * centers - sums) / (1.0 + counts)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class CenterLoss(ClassVectorLoss):
    """`center_loss` with centres that follow the embeddings by a rule of their own.

    It only pulls, so alone it is solved by equal embeddings: use it beside a loss that separates
    the classes, `CombinedLoss(losses=[NormalizedSoftmaxLoss(), CenterLoss()], weights=[1, 0.003])`
    with the paper's weight. The centres start at 0 and move in `update_state`, with the sums over
    all replicas.

    Attributes:
        alpha: How fast the centres follow, in [0, 1].
        centers: float32 `[num_classes, D]` variable, not trained by gradients.
    """

    def __init__(
        self, *, num_classes: int | None = None, alpha: float = 0.5, name: str | None = None
    ):
        """Checks and keeps alpha.

        Raises:
            ValueError: If a constant is outside its range.
        """
        super().__init__(num_classes=num_classes, name=name)
        self.alpha = arguments.within("alpha", alpha, 0.0, 1.0)

    def build(self, input_shape: tf.TensorShape) -> None:
        self.centers = self.add_class_vectors(
            "centers",
            input_shape,
            initializer=tf.keras.initializers.Zeros(),
            trainable=False,
            # update_state gives them the same values on every replica.
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        super().build(input_shape)

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return center_loss(embeddings, labels, self.centers)

    def update_state(self, embeddings: tf.Tensor, labels: tf.Tensor) -> None:
        self.require_built()
        embeddings, labels = checked_class_batch(embeddings, labels, self.centers)
        sums = tf.math.unsorted_segment_sum(embeddings, labels, self.num_classes)
        counts = tf.math.unsorted_segment_sum(
            tf.ones_like(labels, tf.float32), labels, self.num_classes
        )
        sums, counts = tf.distribute.get_replica_context().all_reduce(
            tf.distribute.ReduceOp.SUM, [sums, counts]
        )
        self.centers.assign(moved_centers(self.centers, sums, counts, alpha=self.alpha))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}
