"""Deep metric learning with one loss: the model that the other methods are compared with."""

import tensorflow as tf

from rtml_tf.losses.metric_loss import MetricLoss
from rtml_tf.models.pair_similarities import mean_pair_similarities
from rtml_tf.models.training_model import TrainingModel
from rtml_tf.networks.checking import check_network


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class MetricModel(TrainingModel):
    """Trains a network with a metric loss on labelled batches.

    Batches are `{"image": float32 [B, H, W, C] in [0, 1], "label": int32 [B]}`. Logged are the
    loss and the mean cosine similarity of the batch's positive and of its negative pairs.

    Attributes:
        metric_loss: The loss (`loss` is a name that Keras keeps for itself).
    """

    logged = ("loss", "positive_similarity", "negative_similarity")

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        loss: MetricLoss,
        loss_optimizer: tf.keras.optimizers.Optimizer | None = None,
        seed: int = 0,
        name: str | None = None,
    ):
        """Joins a network and a loss.

        Args:
            network: Images in, L2-normalised embeddings out.
            loss: Any metric loss of the toolkit.
            loss_optimizer: Optimizer of the loss's own weights (for ArcFace's class weights a
                learning rate well above the network's is usual); `None`: the model's optimizer.
            seed: Seed of whatever is drawn at random in a step.
            name: Keras name of the model.

        Raises:
            ValueError: If `network` or `loss` is something else.
        """
        check_network(network)
        super().__init__(network=network, loss_optimizer=loss_optimizer, seed=seed, name=name)
        if not isinstance(loss, MetricLoss):
            raise ValueError(f"loss must be a MetricLoss, got {loss!r}.")
        self.metric_loss = loss

    @property
    def loss_variables(self) -> list[tf.Variable]:
        return self.metric_loss.trainable_variables

    def prepare(self, *, num_classes: int) -> None:
        self.metric_loss.prepare(num_classes=num_classes)
        if not self.metric_loss.built:
            self.metric_loss.build(self.network.output_shape)
        super().prepare(num_classes=num_classes)

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        labels = batch["label"]
        with tf.GradientTape() as tape:
            embeddings = self.network(batch["image"], training=True)
            loss = self.metric_loss(embeddings, labels)
        self.gradient_step(tape, loss)
        self.metric_loss.update_state(embeddings, labels)
        return self.log(loss=loss, **mean_pair_similarities(embeddings, labels))

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        labels = batch["label"]
        embeddings = self.network(batch["image"], training=False)
        loss = self.metric_loss(embeddings, labels)
        return self.log(loss=loss, **mean_pair_similarities(embeddings, labels))

    def get_config(self) -> dict:
        serialize = tf.keras.utils.serialize_keras_object
        return {
            "network": serialize(self.network),
            "loss": serialize(self.metric_loss),
            "loss_optimizer": self.loss_optimizer and serialize(self.loss_optimizer),
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "MetricModel":
        deserialize = tf.keras.utils.deserialize_keras_object
        parts = {
            part: deserialize(value, custom_objects=custom_objects)
            for part, value in config.items()
            if isinstance(value, dict)
        }
        return cls(**{**config, **parts})
