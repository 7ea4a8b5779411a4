"""Simultaneous similarity-based self-distillation (S2SD)."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.metric_loss import MetricLoss

# Of one training pass: "embedding" [B, D], "features" [B, C], "targets": a list of [B, size].
Outputs = Mapping[str, Any]


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class SelfDistillation(tf.Module):
    """Lets embeddings learn their similarities from larger embeddings of the same features.

        1/2 (L + mean_k L_k) + weight mean_k KL_k + feature_weight KL_features

    Source: Roth et al., "Simultaneous similarity-based self-distillation for deep metric learning",
    ICML 2021 (the variant with all of its parts, MSDFA), with the constants of its code. `L` is the
    metric loss of the embeddings and `L_k` that of target embeddings: what a head, Linear-ReLU-
    Linear and unit length, makes of the network's last feature map, average and maximum pooled and
    added. `KL_k` is the divergence (`similarity_divergences`) from the target embeddings'
    similarities to the embeddings', and `KL_features` that from the pooled features'; neither
    trains the side that is learned from. The features join in when the heads have had some steps
    to learn.

    Heads, and copies of the metric loss for them, belong to the model that trains, not to the
    network: what is finished is as large as without. The features are taken from the input of the
    network's pooling layer, so one pass through the network gives them too.

    Attributes:
        sizes: Sizes of the target embeddings.
        weight: Of the target embeddings' divergences.
        feature_weight: Of the features' divergence; 0 leaves it out.
        feature_start_step: The first step with the features' divergence.
        temperature: In units of the cosine.
        pooling_layer: Name of the layer that pools the last feature map.
    """

    def __init__(
        self,
        *,
        sizes: Sequence[int] = (512, 1024, 1536, 2048),
        weight: float = 50.0,
        feature_weight: float = 50.0,
        feature_start_step: int = 1_000,
        temperature: float = 1.0,
        pooling_layer: str = "pooling",
    ):
        """Checks and keeps the constants, see the attributes.

        Raises:
            ValueError: If a constant is out of range.
        """
        super().__init__(name="self_distillation")
        if not sizes:
            raise ValueError("sizes must be at least one size, got none.")
        self.sizes = tuple(arguments.integer_from("each of sizes", size, 1) for size in sizes)
        self.weight = arguments.non_negative("weight", weight)
        self.feature_weight = arguments.non_negative("feature_weight", feature_weight)
        self.feature_start_step = arguments.integer_from(
            "feature_start_step", feature_start_step, 0
        )
        self.temperature = arguments.positive("temperature", temperature)
        self.pooling_layer = pooling_layer
        self._heads: list[tf.keras.Model] = []
        self._losses: list[MetricLoss] = []

    @property
    def head_variables(self) -> list[tf.Variable]:
        """The weights of the heads, to be trained as the network's are."""
        return [variable for head in self._heads for variable in head.trainable_variables]

    @property
    def loss_variables(self) -> list[tf.Variable]:
        """The trainable weights of the target embeddings' losses."""
        return [variable for loss in self._losses for variable in loss.trainable_variables]

    def attach(self, *, network: tf.keras.Model, loss: MetricLoss) -> tf.keras.Model:
        """Makes heads that fit a network, and a copy of its loss for each.

        Args:
            network: A functional network with a pooling layer.
            loss: The metric loss, whose weights are not copied.

        Returns:
            The network with its features: images to `{"embedding", "features"}`. It has the
            network's own layers.

        Raises:
            ValueError: If the network has no such layer, or heads have been made before.
        """
        if self._heads:
            raise ValueError("A SelfDistillation belongs to one model, got a second one.")
        features = _AverageMaxPooling()(_input_of(network, self.pooling_layer))
        for size in self.sizes:
            self._heads.append(_head(features.shape[-1], size))
            self._losses.append(type(loss).from_config(loss.get_config()))
        return tf.keras.Model(network.inputs, {"embedding": network.output, "features": features})

    def prepare(self, *, num_classes: int) -> None:
        """See `MetricLoss.prepare`; also builds the losses."""
        for loss, size in zip(self._losses, self.sizes):
            loss.prepare(num_classes=num_classes)
            if not loss.built:
                loss.build((None, size))

    def targets(self, features: tf.Tensor) -> list[tf.Tensor]:
        """The target embeddings: features `[B, C]` -> a list of float32 `[B, size]`."""
        return [head(features) for head in self._heads]

    def loss(
        self, embedding_loss: tf.Tensor, outputs: Outputs, labels: tf.Tensor, *, step: tf.Tensor
    ) -> tf.Tensor:
        """The loss of one batch.

        Args:
            embedding_loss: The metric loss of the embeddings, a scalar.
            outputs: The batch's embeddings, features and target embeddings.
            labels: int32 `[B]`.
            step: Number of the training step, from 0.

        Returns:
            float32 scalar.
        """
        targets = outputs["targets"]
        losses = [loss(target, labels) for loss, target in zip(self._losses, targets)]
        divergences = similarity_divergences(
            [*targets, outputs["features"]], outputs["embedding"], temperature=self.temperature
        )
        joined = tf.cast(step >= self.feature_start_step, tf.float32)
        weights = [self.weight / len(targets)] * len(targets) + [self.feature_weight * joined]
        metric_losses = 0.5 * (embedding_loss + tf.reduce_mean(tf.stack(losses)))
        return metric_losses + tf.reduce_sum(tf.stack(weights) * divergences)

    def update_state(self, outputs: Outputs, labels: tf.Tensor) -> None:
        """See `MetricLoss.update_state`."""
        for loss, target in zip(self._losses, outputs["targets"]):
            loss.update_state(target, labels)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "sizes": list(self.sizes),
            "weight": self.weight,
            "feature_weight": self.feature_weight,
            "feature_start_step": self.feature_start_step,
            "temperature": self.temperature,
            "pooling_layer": self.pooling_layer,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "SelfDistillation":
        """Builds it from `get_config()`, without heads."""
        return cls(**config)


def similarity_divergences(
    targets: Sequence[tf.Tensor], source: tf.Tensor, *, temperature: float = 1.0
) -> tf.Tensor:
    """How far the similarities within a batch are from those of each of several target embeddings.

        T^2 / B sum_i KL(softmax_j(cos(t_i, t_j) / T) || softmax_j(cos(s_i, s_j) / T))

    with j over the whole batch, i itself included, as in the authors' code.

    Args:
        targets: K embeddings of the batch, floating `[B, any size]`; they get no gradient.
        source: floating `[B, D]`.
        temperature: `T`, above 0.

    Returns:
        float32 `[K]`, at least 0.
    """

    def log_distributions(embeddings: tf.Tensor) -> tf.Tensor:
        embeddings = tf.cast(embeddings, tf.float32)
        similarities = pairs.cosine_similarities(embeddings, embeddings)  # [B, B]
        return tf.nn.log_softmax(similarities / temperature)

    log_p = tf.stack([log_distributions(tf.stop_gradient(target)) for target in targets])
    # [K, B, B], [B, B] -> [K, B]
    divergences = tf.reduce_sum(tf.exp(log_p) * (log_p - log_distributions(source)), axis=2)
    return temperature**2 * tf.reduce_mean(divergences, axis=1)


class _AverageMaxPooling(tf.keras.layers.Layer):
    """The sum of average and maximum pooling: `[B, H, W, C]` to float32 `[B, C]`."""

    def call(self, features: tf.Tensor) -> tf.Tensor:
        # With the network's own pooling the feature map would have three readers, and the order in
        # which TensorFlow adds three gradients differs from process to process.
        features = tf.cast(tf.identity(features), tf.float32)
        return tf.reduce_mean(features, axis=(1, 2)) + tf.reduce_max(features, axis=(1, 2))


def _head(channels: int, size: int) -> tf.keras.Model:
    return tf.keras.Sequential(
        [
            tf.keras.Input((channels,)),
            tf.keras.layers.Dense(size, activation="relu", dtype="float32"),
            tf.keras.layers.Dense(size, dtype="float32"),
            L2Normalization(),
        ]
    )


def _input_of(network: tf.keras.Model, name: str) -> tf.Tensor:
    """The symbolic feature map `[B, H, W, C]` that a layer reads."""
    names = [layer.name for layer in network.layers]
    if name not in names:
        raise ValueError(f"network {network.name!r} has no layer {name!r}, got {names}.")
    features = network.get_layer(name).input
    if features.shape.rank != 4:
        raise ValueError(
            f"The layer {name!r} must read features [B, H, W, C], got {features.shape}."
        )
    return features
