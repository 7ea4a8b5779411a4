"""Category-level adversaries for unlabelled domains (CLAN), by gradient reversal."""

from collections.abc import Callable, Mapping, Sequence
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
from rtml_tf.losses.segmentation import SegmentationLoss
from rtml_tf.models.adversarial_level import AdversarialLevel, discriminator_accuracy
from rtml_tf.models.model_config import serialized
from rtml_tf.models.schedules import Schedule, at_step, checked_weight
from rtml_tf.models.segmentation_adaptation import SegmentationAdaptationModel
from rtml_tf.models.segmentation_model import Maps


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class CategoryAdversarialModel(SegmentationAdaptationModel):
    """Trains a generator on labelled source images and against a discriminator on target images.

        G: L_source - lambda_adv mean((lambda_local M + epsilon) BCE(D(P_target), target))
        D: mean(BCE(D(P_source), source))
           + mean((lambda_local M + epsilon) BCE(D(P_target), target))

    P is softmax(p1 + p2), M the local alignment map of the two heads on the target and L_source
    the loss of `SegmentationModel`. Source: CLAN (Luo et al., CVPR 2019), in the form with one
    forward pass of each domain and one backward pass for everything: the gradient from D's loss
    reaches D as it is and G reversed, times lambda_adv. G thus raises the loss that D lowers (as in
    DANN, Ganin and Lempitsky, ICML 2015), where the published code has it lower the loss of the
    other label; that form is `AlternatingAdversarialModel`. D costs 5 passes: forward and backward
    to the weights on each domain, and backward to the maps on the target.

    Where M is not detached, G moves it to lower the weighted loss of D, as G does in the published
    code with its own loss.

    Other methods as settings of this one:
        AdaptSegNet (Tsai et al., CVPR 2018): `category_weights=None`; with two levels also an
            `auxiliary_discriminator`, `head_weights=(0.1, 1.0)`, `discrepancy_weight=0.0` and a
            network whose first head sees an earlier stage (`deeplab_resnet(two_level=True)`). There
            p2 alone predicts.
        AdvEnt (Vu et al., CVPR 2019): `category_weights=None` and `sees=self_information_maps`.

    Logged are, beside what `SegmentationModel` logs: D's loss, its accuracy over the pixels of both
    domains (1/2: it cannot tell them apart), the mean of M on the target, and lambda_adv.

    Attributes:
        discriminator: D.
        discriminator_optimizer: Optimizer of D.
        category_weights: The weights of pixels, or None: all 1.
        adversarial_weight: lambda_adv, a number or a schedule over steps.
        sees: What D sees, of logits `[B, H, W, K]`.
        auxiliary_discriminator: The one of the first head, or None.
        auxiliary_weight: What lambda_adv is multiplied by for the first head.
    """

    logged = (
        *SegmentationAdaptationModel.logged,
        "discriminator_loss",
        "discriminator_accuracy",
        "local_alignment",
        "adversarial_weight",
    )

    def __init__(
        self,
        *,
        generator: tf.keras.Model,
        discriminator: tf.keras.Model,
        discriminator_optimizer: tf.keras.optimizers.Optimizer,
        category_weights: CategoryWeights | None,
        adversarial_weight: float | Schedule = 1e-3,
        discrepancy_weight: float | Schedule = 1e-2,
        sees: Callable[[tf.Tensor], tf.Tensor] = tf.keras.activations.softmax,
        auxiliary_discriminator: tf.keras.Model | None = None,
        auxiliary_weight: float = 0.2,
        segmentation_loss: SegmentationLoss | None = None,
        head_weights: Sequence[float] = (1.0, 1.0),
        head_optimizer: tf.keras.optimizers.Optimizer | None = None,
        one_forward: bool = False,
        aligned_corners: bool = False,
        seed: int = 0,
        name: str | None = None,
    ):
        """Joins generator, discriminator and losses.

        Args:
            generator: A segmentation network: images in, `{"p1", "p2"}` out.
            discriminator: Maps `[B, H, W, K]` of the size of the images in, logits out, such as
                `map_discriminator`.
            discriminator_optimizer: Its optimizer; the paper's is Adam with learning rate 1e-4
                and betas 0.9 and 0.99.
            category_weights: The weights of pixels; None: all 1, plain adversarial adaptation.
            adversarial_weight: lambda_adv, at least 0; CLAN's falls linearly from 0.001 to 0.
            discrepancy_weight: lambda_weight of `SegmentationModel`; CLAN's falls linearly from
                0.01 to 0.
            sees: What D sees, of logits: softmax, or `self_information_maps`.
            auxiliary_discriminator: Judges the first head alone; `discriminator` then judges the
                second head alone.
            auxiliary_weight: What lambda_adv is multiplied by for the first head.
            segmentation_loss: As for `SegmentationModel`.
            head_weights: As for `SegmentationModel`.
            head_optimizer: As for `SegmentationModel`.
            one_forward: Whether both domains go through the network in one batch; see
                `outputs_of_both`.
            aligned_corners: How logits, and those of D, are resized; see `resize_bilinear`.
            seed: Seed of whatever is drawn at random in a step.
            name: Keras name of the model.

        Raises:
            ValueError: If a value is out of range, or a network is something else.
        """
        super().__init__(
            network=generator,
            one_forward=one_forward,
            segmentation_loss=segmentation_loss,
            discrepancy_weight=discrepancy_weight,
            head_weights=head_weights,
            head_optimizer=head_optimizer,
            aligned_corners=aligned_corners,
            seed=seed,
            name=name,
        )
        self.discriminator = discriminator
        self.discriminator_optimizer = discriminator_optimizer
        self.category_weights = checked_category_weights(category_weights)
        self.adversarial_weight = checked_weight("adversarial_weight", adversarial_weight)
        self.sees = sees
        self.auxiliary_discriminator = auxiliary_discriminator
        self.auxiliary_weight = arguments.non_negative("auxiliary_weight", auxiliary_weight)
        classes = generator.output["p1"].shape[-1]
        for level in self.levels:
            level.check(classes)

    @property
    def levels(self) -> tuple[AdversarialLevel, ...]:
        """Which discriminator judges what."""
        if self.auxiliary_discriminator is None:
            return (AdversarialLevel(self.discriminator, ("p1", "p2"), 1.0),)
        return (
            AdversarialLevel(self.discriminator, ("p2",), 1.0),
            AdversarialLevel(self.auxiliary_discriminator, ("p1",), self.auxiliary_weight),
        )

    def check_data(self, element_spec: Any) -> None:
        """See `SegmentationAdaptationModel`; also refuses images too small for the discriminator.

        Raises:
            ValueError: If images or masks are missing or of another shape.
        """
        super().check_data(element_spec)
        for domain in ("source", "target"):
            size = element_spec[domain]["image"].shape[1:3]
            for level in self.levels:
                level.check_size(size, domain)

    def train_step(self, batch: Mapping[str, Maps]) -> dict[str, tf.Tensor]:
        source, target = batch["source"], batch["target"]
        strength = at_step(self.adversarial_weight, self.step)
        with tf.GradientTape() as tape:
            source_maps, target_maps = self.maps_of_both(source["image"], target["image"])
            segmentation = self.supervised_loss(source_maps, source["mask"])
            discrepancy = self.head_discrepancy()
            weights, alignment = self.pixel_weights(target_maps)
            discrimination, accuracy = self.reversal(source_maps, target_maps, weights, strength)
            loss = (
                segmentation
                + at_step(self.discrepancy_weight, self.step) * discrepancy
                + discrimination
            )
        self.gradient_step(tape, loss)
        return self.log(
            loss=loss,
            segmentation_loss=segmentation,
            weight_discrepancy=discrepancy,
            pixel_accuracy=self.pixel_accuracy(source_maps, source["mask"]),
            discriminator_loss=discrimination,
            discriminator_accuracy=accuracy,
            local_alignment=tf.reduce_mean(alignment),
            adversarial_weight=strength,
        )

    def reversal(
        self, source_maps: Maps, target_maps: Maps, weights: tf.Tensor, strength: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """D's loss, whose gradient reaches the generator reversed, and D's accuracy."""
        losses, accuracies = [], []
        for level in self.levels:
            reversed_by = strength * level.factor
            source_seen = tf.stop_gradient(self.sees(level.logits(source_maps)))
            target_seen = reverse_gradient(self.sees(level.logits(target_maps)), reversed_by)
            source = level.judge(source_seen, aligned_corners=self.aligned_corners)
            target = level.judge(target_seen, aligned_corners=self.aligned_corners)
            # By M, where it is not detached, the generator lowers the weighted loss.
            scaled_weights = reverse_gradient(weights, -reversed_by)
            losses += [domain_loss(source, SOURCE), domain_loss(target, TARGET, scaled_weights)]
            accuracies.append(discriminator_accuracy(source, target))
        return tf.add_n(losses), tf.reduce_mean(accuracies)

    def pixel_weights(self, target_maps: Maps) -> tuple[tf.Tensor, tf.Tensor]:
        """The weights of the target's pixels at this step, and M: float32 `[B, H, W]` each."""
        first, second = target_maps["p1"], target_maps["p2"]
        return weights_and_alignment(self.category_weights, first, second, self.step)

    def get_config(self) -> dict:
        config = super().get_config()
        config["generator"] = config.pop("network")
        return {
            **config,
            "discriminator": serialized(self.discriminator),
            "discriminator_optimizer": serialized(self.discriminator_optimizer),
            "category_weights": serialized(self.category_weights),
            "adversarial_weight": serialized(self.adversarial_weight),
            "sees": serialized(self.sees),
            "auxiliary_discriminator": serialized(self.auxiliary_discriminator),
            "auxiliary_weight": self.auxiliary_weight,
        }

    def optimizers_and_variables(self):
        discriminators = [v for x in self.levels for v in x.discriminator.trainable_variables]
        return [
            *super().optimizers_and_variables(),
            (self.discriminator_optimizer, discriminators),
        ]
