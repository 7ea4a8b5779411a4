"""Category-level adversaries for embedding networks and unlabelled target images."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from rtml_tf.layers.gradient_reversal import reverse_gradient
from rtml_tf.losses import arguments
from rtml_tf.losses.domain import SOURCE, TARGET, domain_loss
from rtml_tf.losses.local_alignment import (
    CategoryWeights,
    checked_category_weights,
    weights_and_alignment,
)
from rtml_tf.losses.metric_loss import MetricLoss
from rtml_tf.losses.weight_discrepancy import weight_discrepancy
from rtml_tf.models.adversarial_level import discriminator_accuracy
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.models.model_config import serialized
from rtml_tf.models.pair_similarities import mean_pair_similarities
from rtml_tf.models.schedules import Schedule, at_step, checked_weight
from rtml_tf.models.two_domains import check_domains, outputs_of_both
from rtml_tf.networks.branches import clean_branch_of
from rtml_tf.networks.checking import check_input_shape
from rtml_tf.networks.classifiers import two_classifiers


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class CategoryAdversarialEmbeddingModel(MetricModel):
    """Trains an embedding network on labelled source images and adapts it to target images.

        network:     L_m(e_source, y) + lambda_class (L_1 + L_2) + lambda_weight (cos(w1, w2) + 1)
                     - lambda_adv mean((lambda_local M + epsilon) BCE(D(e_target), target))
        D:           mean(BCE(D(e_source), source))
                     + mean((lambda_local M + epsilon) BCE(D(e_target), target))

    This is CLAN (Luo et al., CVPR 2019; `CategoryAdversarialModel`) with an image in the place of a
    pixel: D judges embeddings, L_1 and L_2 are the cross-entropies of two linear classifiers of
    source embeddings, and M = 1 - cos of what the two make of a target embedding. The classes of
    the target need not be those of the source: M then says how far an image is from anything that
    the source knows. This transfer of the method to metrics is the toolkit's own. The classifiers
    and D are no part of the finished network. The network may be any that was trained before.

    Batches are `{"source": {"image": float32 [B, H, W, C] in [0, 1], "label": int32 [B]}, "target":
    {"image": float32 [B', H', W', C]}}`.

    Logged are, beside what `MetricModel` logs on source images: the parts of the loss, D's
    accuracy, the mean of M on the target, and lambda_adv.

    Attributes:
        discriminator: D.
        discriminator_optimizer: Optimizer of D.
        category_weights: The weights of target images, or None: all 1.
        adversarial_weight: lambda_adv, a number or a schedule over steps.
        classification_weight: lambda_class.
        discrepancy_weight: lambda_weight, a number or a schedule over steps.
        classifiers: Embeddings in, `{"p1", "p2"}` logits out; None before `prepare`.
        one_forward: Whether both domains go through the network in one batch.
    """

    logged = (
        *MetricModel.logged,
        "metric_loss",
        "classification_loss",
        "weight_discrepancy",
        "discriminator_loss",
        "discriminator_accuracy",
        "local_alignment",
        "adversarial_weight",
    )

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        loss: MetricLoss,
        discriminator: tf.keras.Model,
        discriminator_optimizer: tf.keras.optimizers.Optimizer,
        category_weights: CategoryWeights | None,
        adversarial_weight: float | Schedule = 1e-2,
        classification_weight: float = 1.0,
        discrepancy_weight: float | Schedule = 1e-2,
        one_forward: bool = False,
        loss_optimizer: tf.keras.optimizers.Optimizer | None = None,
        seed: int = 0,
        name: str | None = None,
    ):
        """Joins a network, its loss and a discriminator.

        Args:
            network: Images in, L2-normalised embeddings out.
            loss: Any metric loss of the toolkit, L_m.
            discriminator: Embeddings in, logits `[B, 1]` out; see `embedding_discriminator`.
            discriminator_optimizer: Its optimizer.
            category_weights: The weights of target images; None: all 1, plain adversarial
                adaptation (DANN).
            adversarial_weight: lambda_adv, at least 0.
            classification_weight: lambda_class, at least 0.
            discrepancy_weight: lambda_weight, at least 0.
            one_forward: Whether both domains go through the network in one batch; see
                `outputs_of_both`.
            loss_optimizer: Optimizer of the classifiers and of the weights of the metric loss;
                None: the model's optimizer.
            seed: Seed of whatever is drawn at random in a step.
            name: Keras name of the model.

        Raises:
            ValueError: If a value is out of range, or a network is something else.
        """
        super().__init__(
            network=network, loss=loss, loss_optimizer=loss_optimizer, seed=seed, name=name
        )
        size = network.output_shape[-1]
        shapes = (discriminator.input_shape, discriminator.output_shape)
        if shapes != ((None, size), (None, 1)):
            raise ValueError(
                f"discriminator must turn embeddings [B, {size}] into logits [B, 1], got "
                f"{shapes[0]} -> {shapes[1]}."
            )
        check_domains(network, one_forward=one_forward)
        self.discriminator = discriminator
        self.discriminator_optimizer = discriminator_optimizer
        self.category_weights = checked_category_weights(category_weights)
        self.adversarial_weight = checked_weight("adversarial_weight", adversarial_weight)
        self.classification_weight = arguments.non_negative(
            "classification_weight", classification_weight
        )
        self.discrepancy_weight = checked_weight("discrepancy_weight", discrepancy_weight)
        self.classifiers = None
        self.one_forward = bool(one_forward)
        self._finished = clean_branch_of(network)

    @property
    def finished_network(self) -> tf.keras.Model:
        """The network; of one with domain-specific batch norm the branch of the target."""
        return self._finished()

    @property
    def loss_variables(self) -> list[tf.Variable]:
        ours = [] if self.classifiers is None else self.classifiers.trainable_variables
        return super().loss_variables + ours

    def check_data(self, element_spec: Any) -> None:
        """Refuses batches that are not labelled source images and target images.

        Args:
            element_spec: The nested `tf.TensorSpec` of a batch.

        Raises:
            ValueError: If something is missing, or images are not of the network's shape.
        """
        needed = {"source": {"image", "label"}, "target": {"image"}}
        if any(not keys <= set(element_spec.get(part, ())) for part, keys in needed.items()):
            raise ValueError(
                'batches must hold {"source": {"image": ..., "label": ...}, "target": {"image": '
                f"...}}}}, got {element_spec}."
            )
        for part in needed:
            check_input_shape(self.network, element_spec[part]["image"].shape[1:])

    def prepare(self, *, num_classes: int) -> None:
        if self.classifiers is None:
            self.classifiers = two_classifiers(
                embedding_size=self.network.output_shape[-1], num_classes=num_classes
            )
        super().prepare(num_classes=num_classes)

    def train_step(self, batch: Mapping[str, Mapping[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
        images, labels = batch["source"]["image"], batch["source"]["label"]
        strength = at_step(self.adversarial_weight, self.step)
        with tf.GradientTape() as tape:
            source, target = outputs_of_both(
                self.network, images, batch["target"]["image"], one_forward=self.one_forward
            )
            metric = self.embedding_loss(source, labels)
            classification = self._classification_loss(source, labels)
            discrepancy = weight_discrepancy(
                *(self.classifiers.get_layer(head).trainable_weights for head in ("p1", "p2"))
            )
            weights, alignment = self._weights(target, strength)
            source_logits = self._judged(tf.stop_gradient(source))
            target_logits = self._judged(reverse_gradient(target, strength))
            discrimination = domain_loss(source_logits, SOURCE)
            discrimination += domain_loss(target_logits, TARGET, weights)
            loss = (
                metric
                + self.classification_weight * classification
                + at_step(self.discrepancy_weight, self.step) * discrepancy
                + discrimination
            )
        self.gradient_step(tape, loss)
        self.metric_loss.update_state(source, labels)
        return self.log(
            loss=loss,
            metric_loss=metric,
            classification_loss=classification,
            weight_discrepancy=discrepancy,
            discriminator_loss=discrimination,
            discriminator_accuracy=discriminator_accuracy(source_logits, target_logits),
            local_alignment=tf.reduce_mean(alignment),
            adversarial_weight=strength,
            **mean_pair_similarities(source, labels),
        )

    def _classification_loss(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        losses = [
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            for logits in self.classifiers(embeddings, training=True).values()
        ]
        return tf.reduce_mean(tf.add_n(losses))

    def _weights(self, embeddings: tf.Tensor, strength: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The weights of target images, with the gradient that the network gets, and M."""
        logits = self.classifiers(embeddings, training=True)
        weights, alignment = weights_and_alignment(
            self.category_weights, logits["p1"], logits["p2"], self.step
        )
        return reverse_gradient(weights, -strength), alignment

    def _judged(self, embeddings: tf.Tensor) -> tf.Tensor:
        return tf.squeeze(self.discriminator(embeddings, training=True), axis=-1)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "discriminator": serialized(self.discriminator),
            "discriminator_optimizer": serialized(self.discriminator_optimizer),
            "category_weights": serialized(self.category_weights),
            "adversarial_weight": serialized(self.adversarial_weight),
            "classification_weight": self.classification_weight,
            "discrepancy_weight": serialized(self.discrepancy_weight),
            "one_forward": self.one_forward,
        }

    def optimizers_and_variables(self):
        return [
            *super().optimizers_and_variables(),
            (self.discriminator_optimizer, self.discriminator.trainable_variables),
        ]
