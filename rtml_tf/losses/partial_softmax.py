"""Margin softmax over a part of very many classes, divided among replicas (Partial FC)."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from rtml_tf.layers.replicas import gather_rows, summed_gradient
from rtml_tf.layers.sharded_rows import Shard, ShardedRows
from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.class_weights import checked_class_batch, class_weight_initializer
from rtml_tf.losses.margin_softmax import MarginSoftmaxLoss
from rtml_tf.losses.metric_loss import MetricLoss


def sampled_classes(
    labels: tf.Tensor, *, num_classes: int, size: int, seed: tf.Tensor
) -> tf.Tensor:
    """The classes of a batch and, beside them, others drawn without replacement.

    An et al., CVPR 2022, section 3.3: positive classes are always kept, and negatives fill up what
    they leave.

    Args:
        labels: int32 `[B]`; those outside `[0, num_classes)` are left out.
        num_classes: Classes to choose from.
        size: How many are wanted, in `[1, num_classes]`.
        seed: int32 `[2]`.

    Returns:
        int32 `[K]`, ascending, where K is `size`, or the number of the batch's classes if that is
        larger.
    """
    inside = (labels >= 0) & (labels < num_classes)
    is_positive = tf.scatter_nd(
        tf.boolean_mask(labels, inside)[:, tf.newaxis],
        tf.ones_like(tf.boolean_mask(labels, inside)),
        [num_classes],
    )
    order = tf.random.stateless_uniform([num_classes], seed)
    order = tf.where(is_positive > 0, 1.0, order)  # Above all that is drawn.
    size = tf.maximum(size, tf.math.count_nonzero(is_positive, dtype=tf.int32))
    return tf.sort(tf.math.top_k(order, size, sorted=False).indices)


def softmax_parts(
    embeddings: tf.Tensor,
    positions: tf.Tensor,
    rows: tf.Tensor,
    *,
    scale: float,
    margin: Callable[[tf.Tensor], tf.Tensor],
) -> tf.Tensor:
    """What some classes contribute to `margin_softmax_loss` over all classes.

    Args:
        embeddings: float32 `[B, D]`; normalised inside.
        positions: int32 `[B]`, where the true class is in `rows`; -1 where it is not there.
        rows: float32 `[K, D]`, the weights of these classes; normalised inside.
        scale: What the cosines are multiplied by.
        margin: Maps the true classes' cosines `[B]` to their replacements `[B]`.

    Returns:
        float32 `[B, 2]`: the logarithm of the summed exponentials of these classes' logits, and the
        logit of the true class (0 where it is not there).
    """
    cosines = pairs.cosine_similarities(embeddings, rows)  # [B, K]
    with_margin = margin(tf.gather(cosines, tf.maximum(positions, 0), batch_dims=1))  # [B]
    is_true_class = tf.one_hot(positions, tf.shape(rows)[0], on_value=True, off_value=False)
    logits = scale * tf.where(is_true_class, with_margin[:, tf.newaxis], cosines)
    true_logits = tf.where(positions >= 0, scale * with_margin, 0.0)
    return tf.stack([tf.reduce_logsumexp(logits, axis=1), true_logits], axis=1)


def joined_cross_entropy(parts: tf.Tensor) -> tf.Tensor:
    """The mean cross-entropy over classes in several parts.

    Args:
        parts: float32 `[R, B, 2]`, `softmax_parts` of each.

    Returns:
        float32 scalar of at least 0.
    """
    log_sums, true_logits = tf.unstack(parts, axis=2)
    return tf.reduce_mean(
        tf.reduce_logsumexp(log_sums, axis=0) - tf.reduce_sum(true_logits, axis=0)
    )


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class PartialSoftmaxLoss(MetricLoss):
    """A margin softmax loss whose classes are divided among replicas and sampled in every step.

    Source: An et al., "Killing two birds with one stone: efficient and robust training of face
    recognition CNNs by Partial FC", CVPR 2022. Replica r of R holds the weights of C / R classes.
    It compares the embeddings of all replicas with its own classes, and replicas exchange two
    numbers for each embedding, from which each has the loss of all classes. With a `sample_rate`
    below 1 a step sees that share of each replica's classes: those of the batch, and others drawn
    at random as their negatives.

    With a `sample_rate` of 1 this is the loss it is made of, and its update is that of
    `tf.keras.optimizers.SGD` on one device.

    The class weights are not moved by an optimizer of the model but as `ShardedRows` are. Batches
    must come from all replicas: "global" negatives.

    Attributes:
        margin_loss: Says what the margin and the scale are.
        sample_rate: In (0, 1].
        learning_rate: Of the class weights, or a schedule of it.
        momentum: Of the class weights.
        seed: Of the sampling.
        class_weights: float32 `[num_classes, D]`, created by the first call.
        step: int64 scalar variable, what the sampling depends on; created by the first call.
    """

    def __init__(
        self,
        *,
        loss: MarginSoftmaxLoss,
        sample_rate: float = 0.1,
        learning_rate: float | tf.keras.optimizers.schedules.LearningRateSchedule = 0.1,
        momentum: float = 0.9,
        seed: int = 0,
        name: str | None = None,
    ):
        """Takes the loss that is divided, whose own class weights are never made.

        Args:
            loss: `ArcFaceLoss`, `CosFaceLoss` or `NormalizedSoftmaxLoss`; says how many classes
                there are, unless `prepare` does.
            sample_rate: The share of its classes that a replica sees in a step, in (0, 1].
            learning_rate: Of the class weights, whose rows have a length of about 1.
            momentum: Of the class weights, in [0, 1).
            seed: Of the sampling.
            name: Keras name of the loss.

        Raises:
            ValueError: If a constant is outside its range or `loss` is something else.
        """
        super().__init__(name=name)
        if not isinstance(loss, MarginSoftmaxLoss) or _has_state(loss):
            raise ValueError(
                f"loss must be an ArcFaceLoss, CosFaceLoss or NormalizedSoftmaxLoss, got {loss!r}."
            )
        self.margin_loss = loss
        self.sample_rate = arguments.within("sample_rate", sample_rate, 0.0, 1.0)
        arguments.positive("sample_rate", sample_rate)
        if not callable(learning_rate):
            learning_rate = arguments.positive("learning_rate", learning_rate)
        self.learning_rate = learning_rate
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"momentum must be in [0, 1), got {momentum!r}.")
        self.momentum = float(momentum)
        self.seed = int(seed)

    @property
    def num_classes(self) -> int | None:
        return self.margin_loss.num_classes

    @property
    def unseen_classes(self) -> bool:
        return False

    def prepare(self, *, num_classes: int) -> None:
        self.margin_loss.prepare(num_classes=num_classes)

    def build(self, input_shape: tf.TensorShape) -> None:
        self.class_weights = ShardedRows(
            shape=self.margin_loss.class_vectors_shape(input_shape),
            initializer=class_weight_initializer(),
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            name="class_weights",
        )
        self.step = self.add_weight(
            name="step",
            shape=(),
            dtype=tf.int64,
            initializer="zeros",
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        super().build(input_shape)

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        embeddings, labels = checked_class_batch(embeddings, labels, self.class_weights)
        embeddings = summed_gradient(embeddings)
        parts = []
        for shard in self.class_weights.shards_here():
            rows, positions = self._classes_of_shard(shard, labels)
            parts.append(
                softmax_parts(
                    embeddings,
                    positions,
                    rows,
                    scale=self.margin_loss.scale,
                    margin=self.margin_loss.with_margin,
                )
            )
        return joined_cross_entropy(gather_rows(tf.stack(parts)))

    def update_state(self, embeddings: tf.Tensor, labels: tf.Tensor) -> None:
        self.step.assign_add(1)

    def _classes_of_shard(self, shard: Shard, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The weights `[K, D]` of this step's classes, and where those of the batch are, or -1."""
        num_classes = shard.rows.shape[0]
        labels -= shard.first
        is_here = (labels >= 0) & (labels < num_classes)
        size = max(1, round(self.sample_rate * num_classes))
        if size == num_classes:
            return tf.convert_to_tensor(shard.rows), tf.where(is_here, labels, -1)
        seed = tf.stack([self.seed, shard.index])
        classes = sampled_classes(
            labels,
            num_classes=num_classes,
            size=size,
            seed=tf.random.experimental.stateless_fold_in(seed, self.step),
        )
        positions = tf.searchsorted(classes, labels)
        return tf.gather(shard.rows, classes), tf.where(is_here, positions, -1)

    def get_config(self) -> dict[str, Any]:
        rate = self.learning_rate
        if callable(rate):
            rate = tf.keras.optimizers.schedules.serialize(rate)
        return {
            **super().get_config(),
            "loss": tf.keras.layers.serialize(self.margin_loss),
            "sample_rate": self.sample_rate,
            "learning_rate": rate,
            "momentum": self.momentum,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "PartialSoftmaxLoss":
        rate = config["learning_rate"]
        if isinstance(rate, dict):
            rate = tf.keras.optimizers.schedules.deserialize(rate)
        loss = tf.keras.layers.deserialize(config["loss"])
        return cls(**{**config, "loss": loss, "learning_rate": rate})


def _has_state(loss: MarginSoftmaxLoss) -> bool:
    """Whether the margin depends on more than the cosine, as in the annealing of SphereFace."""
    return type(loss).update_state is not MetricLoss.update_state
