"""One discriminator of segmentation maps, and what of the generator it judges."""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from rtml_tf.layers.bilinear import resize_bilinear


@dataclasses.dataclass(frozen=True)
class AdversarialLevel:
    """One discriminator of segmentation maps.

    Attributes:
        discriminator: Maps `[B, H, W, K]` in, logits `[B, h, w, 1]` out, above 0 for the target.
        heads: The heads of the generator whose logits it judges, added up.
        factor: What its part of the adversarial weight is multiplied by.
    """

    discriminator: tf.keras.Model
    heads: tuple[str, ...]
    factor: float

    def logits(self, maps: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The logits of its heads, added up."""
        return tf.add_n([maps[head] for head in self.heads])

    def judge(self, seen: tf.Tensor, *, aligned_corners: bool) -> tf.Tensor:
        """The discriminator's logits at the size of what it sees: float32 `[B, H, W]`."""
        logits = self.discriminator(seen, training=True)
        resized = resize_bilinear(logits, seen.shape[1:3], aligned_corners=aligned_corners)
        return tf.squeeze(resized, axis=-1)

    def check(self, num_classes: int) -> None:
        """Checks that the discriminator is one of maps of so many classes.

        Raises:
            ValueError: If it is not.
        """
        network = self.discriminator
        if not isinstance(network, tf.keras.Model) or not network.inputs:
            raise ValueError(f"discriminator must be a functional Keras model, got {network!r}.")
        seen, given = network.input_shape, network.output_shape
        if len(seen) != 4 or seen[-1] != num_classes or len(given) != 4 or given[-1] != 1:
            raise ValueError(
                f"discriminator must turn maps [B, H, W, {num_classes}] into logits "
                f"[B, h, w, 1], got {seen} -> {given}."
            )

    def check_size(self, size: tf.TensorShape, domain: str) -> None:
        """Checks that the discriminator takes maps of the size of a domain's images.

        Raises:
            ValueError: If they are too small, or it was built for another size.
        """
        *wanted, num_classes = self.discriminator.input_shape[1:]
        fits = tf.TensorShape(wanted).is_compatible_with(size)
        if fits:
            given = self.discriminator.compute_output_shape((1, *size, num_classes))
            fits = min(given[1:3]) > 0
        if not fits:
            raise ValueError(
                f"The discriminator {self.discriminator.name!r} does not take maps of the size of "
                f"the {domain} images, {tuple(size)}; give it fewer filters, or any size."
            )


def discriminator_accuracy(source_logits: tf.Tensor, target_logits: tf.Tensor) -> tf.Tensor:
    """The share that a discriminator tells right, the mean of both domains: float32 in [0, 1]."""
    source = tf.reduce_mean(tf.cast(source_logits < 0.0, tf.float32))
    target = tf.reduce_mean(tf.cast(target_logits > 0.0, tf.float32))
    return 0.5 * (source + target)
