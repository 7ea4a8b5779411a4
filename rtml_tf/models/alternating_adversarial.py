"""Category-level adversaries in the order of CLAN's published code: generator, discriminator."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import tensorflow as tf

from rtml_tf.losses.domain import SOURCE, TARGET, domain_loss
from rtml_tf.losses.local_alignment import CategoryWeights
from rtml_tf.losses.segmentation import SegmentationLoss
from rtml_tf.models.adversarial_level import AdversarialLevel, discriminator_accuracy
from rtml_tf.models.category_adversarial import CategoryAdversarialModel
from rtml_tf.models.schedules import Schedule, at_step
from rtml_tf.models.segmentation_model import Maps


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class AlternatingAdversarialModel(CategoryAdversarialModel):
    """`CategoryAdversarialModel` with a pass for the generator and one for the discriminator.

        G: L_source + lambda_adv mean((lambda_local M + epsilon) BCE(D(P_target), source))
        D: as there, of the same maps, detached

    D is frozen while G's gradient is computed, and the other way round; then all optimizers take
    their step. With `flipped_labels`, as in the published code, G lowers the loss of the label
    that D should have given the source, whose gradient stays large where D is sure. Without, G
    raises the loss that D lowers, and both models compute the same gradients. D costs 6 passes
    either way: forward and backward to the maps for G, forward and backward to the weights on
    each domain for D.

    Attributes:
        flipped_labels: Whether G lowers the loss of the source's label.
    """

    def __init__(
        self,
        *,
        generator: tf.keras.Model,
        discriminator: tf.keras.Model,
        discriminator_optimizer: tf.keras.optimizers.Optimizer,
        category_weights: CategoryWeights | None,
        flipped_labels: bool = True,
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
        """Takes `flipped_labels`, and what `CategoryAdversarialModel` takes.

        Raises:
            ValueError: If a value is out of range, or a network is something else.
        """
        super().__init__(
            generator=generator,
            discriminator=discriminator,
            discriminator_optimizer=discriminator_optimizer,
            category_weights=category_weights,
            adversarial_weight=adversarial_weight,
            discrepancy_weight=discrepancy_weight,
            sees=sees,
            auxiliary_discriminator=auxiliary_discriminator,
            auxiliary_weight=auxiliary_weight,
            segmentation_loss=segmentation_loss,
            head_weights=head_weights,
            head_optimizer=head_optimizer,
            one_forward=one_forward,
            aligned_corners=aligned_corners,
            seed=seed,
            name=name,
        )
        self.flipped_labels = bool(flipped_labels)

    def train_step(self, batch: Mapping[str, Maps]) -> dict[str, tf.Tensor]:
        source, target = batch["source"], batch["target"]
        strength = at_step(self.adversarial_weight, self.step)
        with _watching([self.network]) as tape:
            source_maps, target_maps = self.maps_of_both(source["image"], target["image"])
            segmentation = self.supervised_loss(source_maps, source["mask"])
            discrepancy = self.head_discrepancy()
            weights, alignment = self.pixel_weights(target_maps)
            adversarial = tf.add_n(
                [x.factor * self.generator_loss(x, target_maps, weights) for x in self.levels]
            )
            loss = (
                segmentation
                + at_step(self.discrepancy_weight, self.step) * discrepancy
                + strength * adversarial
            )
        generator_gradients, _ = self.differentiate(tape, loss)

        with _watching([level.discriminator for level in self.levels]) as tape:
            discrimination, accuracy = self.discrimination(source_maps, target_maps, weights)
        discriminator_gradients, _ = self.differentiate(tape, discrimination)

        self.descend(
            [
                theirs if ours is None else ours
                for ours, theirs in zip(generator_gradients, discriminator_gradients)
            ]
        )
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

    def generator_loss(
        self, level: AdversarialLevel, target_maps: Maps, weights: tf.Tensor
    ) -> tf.Tensor:
        """What the generator lowers to get past one discriminator: a scalar."""
        logits = self.judged(level, target_maps)
        if self.flipped_labels:
            return domain_loss(logits, SOURCE, weights)
        raised = domain_loss(logits, TARGET, tf.stop_gradient(weights))
        return domain_loss(tf.stop_gradient(logits), TARGET, weights) - raised

    def discrimination(
        self, source_maps: Maps, target_maps: Maps, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """D's loss and its accuracy."""
        losses, accuracies = [], []
        for level in self.levels:
            source, target = (self.judged(level, maps) for maps in (source_maps, target_maps))
            losses += [domain_loss(source, SOURCE), domain_loss(target, TARGET, weights)]
            accuracies.append(discriminator_accuracy(source, target))
        return tf.add_n(losses), tf.reduce_mean(accuracies)

    def judged(self, level: AdversarialLevel, maps: Maps) -> tf.Tensor:
        """A discriminator's logits of maps: float32 `[B, H, W]`."""
        return level.judge(self.sees(level.logits(maps)), aligned_corners=self.aligned_corners)

    def get_config(self) -> dict:
        return {**super().get_config(), "flipped_labels": self.flipped_labels}


@contextlib.contextmanager
def _watching(networks: Sequence[tf.keras.Model]) -> Iterator[tf.GradientTape]:
    """A tape for which everything but the weights of some networks is constant."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for network in networks:
            tape.watch(network.trainable_variables)
        yield tape
