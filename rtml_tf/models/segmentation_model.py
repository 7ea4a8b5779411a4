"""Semantic segmentation from labelled images: "source only", and what adaptation builds on."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from rtml_tf.layers.bilinear import resize_bilinear
from rtml_tf.losses import arguments
from rtml_tf.losses.segmentation import PixelCrossEntropy, SegmentationLoss
from rtml_tf.losses.weight_discrepancy import weight_discrepancy
from rtml_tf.models.model_config import serialized
from rtml_tf.models.schedules import Schedule, at_step, checked_weight
from rtml_tf.models.training_model import TrainingModel
from rtml_tf.networks.branches import clean_branch_of
from rtml_tf.networks.checking import check_input_shape
from rtml_tf.networks.segmentation_network import check_segmentation_network, head_variables

Maps = Mapping[str, tf.Tensor]


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class SegmentationModel(TrainingModel):
    """Trains both heads of a segmentation network on labelled images.

        L = a_1 L_seg(p1, y) + a_2 L_seg(p2, y) + lambda_weight (cos(w1, w2) + 1)

    Batches are `{"source": {"image": float32 [B, H, W, C] in [0, 1], "mask": int32 [B, H, W]}}`;
    methods of adaptation also take `{"target": {"image": float32 [B', H', W', C]}}`, which is
    passed over here. Logits are brought to the size of the image before any loss.

    Logged are the loss, its two parts and the share of pixels with a class that the sum of both
    heads gets right, all on source images.

    Attributes:
        segmentation_loss: L_seg.
        discrepancy_weight: lambda_weight, a number or a schedule over steps.
        head_weights: a_1 and a_2.
        head_optimizer: Optimizer of both heads, or None.
        aligned_corners: How logits are resized, see `resize_bilinear`.
    """

    logged = ("loss", "segmentation_loss", "weight_discrepancy", "pixel_accuracy")

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        segmentation_loss: SegmentationLoss | None = None,
        discrepancy_weight: float | Schedule = 0.0,
        head_weights: Sequence[float] = (1.0, 1.0),
        head_optimizer: tf.keras.optimizers.Optimizer | None = None,
        aligned_corners: bool = False,
        seed: int = 0,
        name: str | None = None,
    ):
        """Joins a network and its loss.

        Args:
            network: A segmentation network: images in, `{"p1", "p2"}` out.
            segmentation_loss: Of each head; None: `PixelCrossEntropy()`.
            discrepancy_weight: lambda_weight, at least 0; 0 where the heads are of different
                shapes, as those that see different stages are.
            head_weights: a_1 and a_2, at least 0.
            head_optimizer: Optimizer of both heads (DeepLab trains them with ten times the
                learning rate); None: the model's.
            aligned_corners: How logits are resized, see `resize_bilinear`.
            seed: Seed of whatever is drawn at random in a step.
            name: Keras name of the model.

        Raises:
            ValueError: If a value is out of range, `network` is something else, or its heads cannot
                be compared but are to differ.
        """
        check_segmentation_network(network)
        super().__init__(network=network, seed=seed, name=name)
        loss = PixelCrossEntropy() if segmentation_loss is None else segmentation_loss
        if not isinstance(loss, SegmentationLoss):
            raise ValueError(f"segmentation_loss must be a SegmentationLoss, got {loss!r}.")
        if len(head_weights) != 2:
            raise ValueError(f"head_weights must be two numbers, got {head_weights}.")
        self.segmentation_loss = loss
        self.discrepancy_weight = checked_weight("discrepancy_weight", discrepancy_weight)
        shapes = [[v.shape for v in head_variables(network, head)] for head in ("p1", "p2")]
        self._heads_are_alike = shapes[0] == shapes[1]
        if not self._heads_are_alike and self.discrepancy_weight != 0.0:
            raise ValueError(
                "discrepancy_weight compares heads of one shape and must be 0 for those of "
                f"{network.name!r}, whose weights are {shapes[0]} and {shapes[1]}, got "
                f"{discrepancy_weight!r}."
            )
        self.head_weights = tuple(arguments.non_negative("head_weights", w) for w in head_weights)
        self.head_optimizer = head_optimizer
        self.aligned_corners = bool(aligned_corners)
        self._finished = clean_branch_of(network)

    @property
    def finished_network(self) -> tf.keras.Model:
        """The network; of one with domain-specific batch norm the branch of the target."""
        return self._finished()

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Predicts the classes of pixels: the summed logits, float32 `[B, H, W, K]`."""
        maps = self.at_image_size(self.network(images, training=training), images)
        return maps["p1"] + maps["p2"]

    def check_data(self, element_spec: Any) -> None:
        """Refuses batches that are not labelled source images of the network's size.

        Args:
            element_spec: The nested `tf.TensorSpec` of a batch.

        Raises:
            ValueError: If images or masks are missing or of another shape.
        """
        source = element_spec.get("source") if isinstance(element_spec, Mapping) else None
        if source is None or not {"image", "mask"} <= set(source):
            raise ValueError(
                'batches must hold {"source": {"image": ..., "mask": ...}}, got '
                f"{element_spec}."
            )
        check_input_shape(self.network, source["image"].shape[1:])
        if source["mask"].shape[1:] != source["image"].shape[1:3]:
            raise ValueError(
                "Source masks must be of the size of their images, got "
                f"{tuple(source['mask'].shape[1:])} for {tuple(source['image'].shape[1:3])}."
            )

    def prepare(self, *, num_classes: int) -> None:
        """Creates every variable before the first step.

        Args:
            num_classes: Number of classes in the training data.

        Raises:
            ValueError: If the network gives logits for another number of classes, or a moving
                average is kept of the weights of the heads alone, or of all others.
        """
        outputs = self.network.output["p1"].shape[-1]
        if outputs != num_classes:
            raise ValueError(
                f"The network {self.network.name!r} has logits for {outputs} classes, but the "
                f"data has {num_classes}."
            )
        optimizers = [self.optimizer, self.head_optimizer]
        # Where the loss is scaled, the optimizer that keeps the average is inside another.
        inner = [getattr(x, "inner_optimizer", x) for x in optimizers if x is not None]
        averaging = [bool(getattr(x, "use_ema", False)) for x in inner]
        if len(set(averaging)) > 1:
            raise ValueError(
                "use_ema must be the same for the optimizer of the network and for "
                f"head_optimizer, got {averaging[0]} and {averaging[1]}."
            )
        super().prepare(num_classes=num_classes)

    def train_step(self, batch: Mapping[str, Maps]) -> dict[str, tf.Tensor]:
        images, masks = batch["source"]["image"], batch["source"]["mask"]
        with tf.GradientTape() as tape:
            maps = self.at_image_size(self.network(images, training=True), images)
            segmentation = self.supervised_loss(maps, masks)
            discrepancy = self.head_discrepancy()
            loss = segmentation + at_step(self.discrepancy_weight, self.step) * discrepancy
        self.gradient_step(tape, loss)
        return self.log(
            loss=loss,
            segmentation_loss=segmentation,
            weight_discrepancy=discrepancy,
            pixel_accuracy=self.pixel_accuracy(maps, masks),
        )

    def at_image_size(self, outputs: Maps, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """The outputs of the network at the size of the images: float32 `[B, H, W, K]` each."""
        size, aligned = images.shape[1:3], self.aligned_corners
        return {
            head: resize_bilinear(logits, size, aligned_corners=aligned)
            for head, logits in outputs.items()
        }

    def supervised_loss(self, maps: Maps, masks: tf.Tensor) -> tf.Tensor:
        """`a_1 L_seg(p1, y) + a_2 L_seg(p2, y)`."""
        return tf.add_n(
            [
                weight * self.segmentation_loss(maps[head], masks)
                for head, weight in zip(("p1", "p2"), self.head_weights)
            ]
        )

    def head_discrepancy(self) -> tf.Tensor:
        """`cos(w1, w2) + 1` of the weights of both heads; 1 where they are of different shapes."""
        if not self._heads_are_alike:
            return tf.ones([])
        return weight_discrepancy(*(head_variables(self.network, head) for head in ("p1", "p2")))

    def pixel_accuracy(self, maps: Maps, masks: tf.Tensor) -> tf.Tensor:
        """The share of pixels with a class that the sum of both heads gets right, in [0, 1]."""
        predicted = tf.argmax(maps["p1"] + maps["p2"], axis=-1, output_type=masks.dtype)
        known = tf.cast(masks != self.segmentation_loss.ignore_value, tf.float32)
        right = tf.cast(predicted == masks, tf.float32)
        return tf.math.divide_no_nan(tf.reduce_sum(known * right), tf.reduce_sum(known))

    def get_config(self) -> dict:
        return {
            "network": serialized(self.network),
            "segmentation_loss": serialized(self.segmentation_loss),
            "discrepancy_weight": serialized(self.discrepancy_weight),
            "head_weights": list(self.head_weights),
            "head_optimizer": serialized(self.head_optimizer),
            "aligned_corners": self.aligned_corners,
            "seed": self.seed,
            "name": self.name,
        }

    def optimizers_and_variables(self):
        variables = self.network.trainable_variables
        if self.head_optimizer is None:
            return [(self.optimizer, variables)]
        heads = [v for head in ("p1", "p2") for v in head_variables(self.network, head)]
        of_heads = {id(variable) for variable in heads}
        return [
            (self.optimizer, [v for v in variables if id(v) not in of_heads]),
            (self.head_optimizer, heads),
        ]
