"""What methods share that adapt a segmentation network to unlabelled target images."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from rtml_tf.losses.segmentation import SegmentationLoss
from rtml_tf.models.schedules import Schedule
from rtml_tf.models.segmentation_model import Maps, SegmentationModel
from rtml_tf.models.two_domains import check_domains, outputs_of_both
from rtml_tf.networks.checking import check_input_shape


class SegmentationAdaptationModel(SegmentationModel):
    """A segmentation model that also sees target images; the base of the methods.

    Batches are `{"source": {"image": float32 [B, H, W, C] in [0, 1], "mask": int32 [B, H, W]},
    "target": {"image": float32 [B', H', W', C]}}`.

    Attributes:
        one_forward: Whether both domains go through the network in one batch.
    """

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        one_forward: bool,
        segmentation_loss: SegmentationLoss | None,
        discrepancy_weight: float | Schedule,
        head_weights: Sequence[float],
        head_optimizer: tf.keras.optimizers.Optimizer | None,
        aligned_corners: bool,
        seed: int,
        name: str | None,
    ):
        """Takes what `SegmentationModel` takes, and `one_forward` (see `outputs_of_both`).

        Raises:
            ValueError: If a value is out of range, or `network` is something else.
        """
        super().__init__(
            network=network,
            segmentation_loss=segmentation_loss,
            discrepancy_weight=discrepancy_weight,
            head_weights=head_weights,
            head_optimizer=head_optimizer,
            aligned_corners=aligned_corners,
            seed=seed,
            name=name,
        )
        self.one_forward = bool(one_forward)
        check_domains(network, one_forward=one_forward)

    def check_data(self, element_spec: Any) -> None:
        """See `SegmentationModel`; also refuses batches without fitting target images.

        Raises:
            ValueError: If images or masks are missing or of another shape.
        """
        super().check_data(element_spec)
        if "image" not in element_spec.get("target", {}):
            raise ValueError(
                f'{type(self).__name__} needs batches with {{"target": {{"image": ...}}}}, got '
                f"{element_spec}."
            )
        source, target = (element_spec[domain]["image"].shape for domain in ("source", "target"))
        check_input_shape(self.network, target[1:])
        if self.one_forward and source[1:] != target[1:]:
            raise ValueError(
                "one_forward needs source and target images of one size, got "
                f"{tuple(source[1:])} and {tuple(target[1:])}."
            )

    def maps_of_both(
        self, source_images: tf.Tensor, target_images: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        """The logits `{"p1", "p2"}` of both domains in training mode, at the size of the images."""
        source, target = outputs_of_both(
            self.network, source_images, target_images, one_forward=self.one_forward
        )
        return self.at_image_size(source, source_images), self.at_image_size(target, target_images)

    def train_step(self, batch: Mapping[str, Maps]) -> dict[str, tf.Tensor]:
        raise NotImplementedError(f"{type(self).__name__} does not define train_step.")

    def get_config(self) -> dict:
        return {**super().get_config(), "one_forward": self.one_forward}
