"""Deep metric learning with one loss: the model that the other methods are compared with."""

from typing import Any

import tensorflow as tf

from rtml_tf.attacks.metric_loss_objective import MetricLossObjective
from rtml_tf.losses.metric_loss import MetricLoss
from rtml_tf.models.model_config import serialized
from rtml_tf.models.pair_similarities import mean_pair_similarities
from rtml_tf.models.self_distillation import SelfDistillation
from rtml_tf.models.training_model import TrainingModel
from rtml_tf.networks.checking import check_network


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class MetricModel(TrainingModel):
    """Trains a network with a metric loss on labelled batches.

    Batches are `{"image": float32 [B, H, W, C] in [0, 1], "label": int32 [B]}`. Logged are the
    loss and the mean cosine similarity of the batch's positive and of its negative pairs.

    Attributes:
        metric_loss: The loss (`loss` is a name that Keras keeps for itself).
        self_distillation: What is added to it, or None.
    """

    logged = ("loss", "positive_similarity", "negative_similarity")

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        loss: MetricLoss,
        self_distillation: SelfDistillation | None = None,
        loss_optimizer: tf.keras.optimizers.Optimizer | None = None,
        seed: int = 0,
        name: str | None = None,
    ):
        """Joins a network and a loss.

        Args:
            network: Images in, L2-normalised embeddings out.
            loss: Any metric loss of the toolkit.
            self_distillation: Adds larger embeddings of the same features that the network's
                embeddings learn from (S2SD); one object for one model.
            loss_optimizer: Optimizer of the loss's own weights (for ArcFace's class weights a
                learning rate well above the network's is usual); `None`: the model's optimizer.
            seed: Seed of whatever is drawn at random in a step.
            name: Keras name of the model.

        Raises:
            ValueError: If `network` or `loss` is something else, or self-distillation does not find
                the network's features.
        """
        check_network(network)
        super().__init__(network=network, loss_optimizer=loss_optimizer, seed=seed, name=name)
        if not isinstance(loss, MetricLoss):
            raise ValueError(f"loss must be a MetricLoss, got {loss!r}.")
        self.metric_loss = loss
        self.self_distillation = self_distillation
        if self_distillation is not None:
            self._network_with_features = self_distillation.attach(network=network, loss=loss)

    @property
    def loss_variables(self) -> list[tf.Variable]:
        if self.self_distillation is None:
            return self.metric_loss.trainable_variables
        return self.metric_loss.trainable_variables + self.self_distillation.loss_variables

    def prepare(self, *, num_classes: int) -> None:
        self.metric_loss.prepare(num_classes=num_classes)
        if not self.metric_loss.built:
            self.metric_loss.build(self.network.output_shape)
        if self.self_distillation is not None:
            self.self_distillation.prepare(num_classes=num_classes)
        super().prepare(num_classes=num_classes)

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        labels = batch["label"]
        with tf.GradientTape() as tape:
            outputs = self.training_outputs(batch["image"])
            loss = self.training_loss(outputs, labels)
        self.gradient_step(tape, loss)
        self.update_losses(outputs, labels)
        return self.log(loss=loss, **mean_pair_similarities(outputs["embedding"], labels))

    def training_outputs(self, images: tf.Tensor) -> dict[str, Any]:
        """A pass in training mode: `"embedding"` `[B, D]`, and what self-distillation needs."""
        if self.self_distillation is None:
            return {"embedding": self.network(images, training=True)}
        outputs = self._network_with_features(images, training=True)
        return {**outputs, "targets": self.self_distillation.targets(outputs["features"])}

    def training_loss(self, outputs: dict[str, Any], labels: tf.Tensor) -> tf.Tensor:
        """The loss of `training_outputs`, or of some of their rows, on all replicas."""
        outputs, labels = self.of_all_replicas((outputs, labels))
        loss = self.metric_loss(outputs["embedding"], labels)
        if self.self_distillation is None:
            return loss
        return self.self_distillation.loss(loss, outputs, labels, step=self.step)

    def embedding_loss(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The metric loss of embeddings `[B, D]` with their labels `[B]`, on all replicas."""
        return self.metric_loss(*self.of_all_replicas((embeddings, labels)))

    def loss_objective(self) -> MetricLossObjective:
        """What an attack raises that raises the loss of training."""
        return MetricLossObjective(loss=self.metric_loss, spans_replicas=self.negatives == "global")

    def update_losses(self, outputs: dict[str, Any], labels: tf.Tensor) -> None:
        """Moves what the losses learn without gradients, see `MetricLoss.update_state`."""
        self.metric_loss.update_state(outputs["embedding"], labels)
        if self.self_distillation is not None:
            self.self_distillation.update_state(outputs, labels)

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        labels = batch["label"]
        embeddings = self.network(batch["image"], training=False)
        loss = self.embedding_loss(embeddings, labels)
        return self.log(loss=loss, **mean_pair_similarities(embeddings, labels))

    def get_config(self) -> dict:
        config = {
            "network": serialized(self.network),
            "loss": serialized(self.metric_loss),
            "loss_optimizer": serialized(self.loss_optimizer),
            "seed": self.seed,
            "name": self.name,
        }
        if self.self_distillation is not None:  # Not every subclass has it.
            config["self_distillation"] = serialized(self.self_distillation)
        return config

    def optimizers_and_variables(self):
        (optimizer, variables), *others = super().optimizers_and_variables()
        if self.self_distillation is not None:
            variables = variables + self.self_distillation.head_variables
        return [(optimizer, variables), *others]
