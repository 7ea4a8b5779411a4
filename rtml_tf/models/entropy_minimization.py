"""Adaptation by confident predictions on the target (AdvEnt's MinEnt)."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from rtml_tf.losses.entropy import entropy_loss
from rtml_tf.losses.segmentation import SegmentationLoss
from rtml_tf.models.model_config import serialized
from rtml_tf.models.schedules import Schedule, at_step, checked_weight
from rtml_tf.models.segmentation_adaptation import SegmentationAdaptationModel
from rtml_tf.models.segmentation_model import Maps


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class EntropyMinimizationModel(SegmentationAdaptationModel):
    """Trains on labelled source images, and on target images to be sure of their classes.

        L = L_source + lambda_entropy mean_pixels H(softmax(p1 + p2)) / log K

    L_source is the loss of `SegmentationModel`. Source: Vu et al., CVPR 2019, equation 4. Their
    adversarial form is `CategoryAdversarialModel` with `sees=self_information_maps`.

    With lambda_entropy 0 only the batch norms learn of the target, which is much by itself: on a
    network from `with_branches(branches=("clean", "source"), shared_affine=True)` that is AdaBN (Li
    et al., 2016), the source's weights with the statistics of the target.

    Attributes:
        entropy_weight: lambda_entropy, a number or a schedule over steps.
    """

    logged = (*SegmentationAdaptationModel.logged, "entropy_loss")

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        entropy_weight: float | Schedule = 1e-3,
        segmentation_loss: SegmentationLoss | None = None,
        discrepancy_weight: float | Schedule = 0.0,
        head_weights: Sequence[float] = (1.0, 1.0),
        head_optimizer: tf.keras.optimizers.Optimizer | None = None,
        one_forward: bool = False,
        aligned_corners: bool = False,
        seed: int = 0,
        name: str | None = None,
    ):
        """Joins a network and its losses.

        Args:
            network: A segmentation network: images in, `{"p1", "p2"}` out.
            entropy_weight: lambda_entropy, at least 0; the paper's is 0.001.
            segmentation_loss: As for `SegmentationModel`.
            discrepancy_weight: As for `SegmentationModel`.
            head_weights: As for `SegmentationModel`.
            head_optimizer: As for `SegmentationModel`.
            one_forward: Whether both domains go through the network in one batch; see
                `outputs_of_both`.
            aligned_corners: As for `SegmentationModel`.
            seed: Seed of whatever is drawn at random in a step.
            name: Keras name of the model.

        Raises:
            ValueError: If a value is out of range, or `network` is something else.
        """
        super().__init__(
            network=network,
            one_forward=one_forward,
            segmentation_loss=segmentation_loss,
            discrepancy_weight=discrepancy_weight,
            head_weights=head_weights,
            head_optimizer=head_optimizer,
            aligned_corners=aligned_corners,
            seed=seed,
            name=name,
        )
        self.entropy_weight = checked_weight("entropy_weight", entropy_weight)

    def train_step(self, batch: Mapping[str, Maps]) -> dict[str, tf.Tensor]:
        source, target = batch["source"], batch["target"]
        with tf.GradientTape() as tape:
            source_maps, target_maps = self.maps_of_both(source["image"], target["image"])
            segmentation = self.supervised_loss(source_maps, source["mask"])
            discrepancy = self.head_discrepancy()
            entropy = entropy_loss(target_maps["p1"] + target_maps["p2"])
            loss = (
                segmentation
                + at_step(self.discrepancy_weight, self.step) * discrepancy
                + at_step(self.entropy_weight, self.step) * entropy
            )
        self.gradient_step(tape, loss)
        return self.log(
            loss=loss,
            segmentation_loss=segmentation,
            weight_discrepancy=discrepancy,
            pixel_accuracy=self.pixel_accuracy(source_maps, source["mask"]),
            entropy_loss=entropy,
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "entropy_weight": serialized(self.entropy_weight)}
