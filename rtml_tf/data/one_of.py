"""The augmentation that is one of several."""

from collections.abc import Sequence
from typing import Any, Self

import tensorflow as tf

from rtml_tf.data.augmentation_base import Augmentation


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class OneOf(Augmentation):
    """Applies one of several augmentations, drawn evenly; all must keep the image's shape.

    Attributes:
        augmentations: What is drawn from.
    """

    def __init__(self, *, augmentations: Sequence[Augmentation]):
        """Takes what is drawn from.

        Raises:
            ValueError: If there is nothing to draw from.
        """
        if not augmentations:
            raise ValueError("augmentations must be at least one, got none.")
        self.augmentations = tuple(augmentations)

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return self._drawn(
            seed, lambda x, own_seed: tf.ensure_shape(x(image, own_seed), image.shape)
        )

    def of_mask(self, mask: tf.Tensor, seed: tf.Tensor, ignore_value: int) -> tf.Tensor:
        return self._drawn(seed, lambda x, own_seed: x.of_mask(mask, own_seed, ignore_value))

    def _drawn(self, seed: tf.Tensor, apply) -> tf.Tensor:
        seeds = tf.random.experimental.stateless_split(seed, 2)
        count = len(self.augmentations)
        choice = tf.random.stateless_uniform([], seeds[0], 0, count, tf.int32)
        return tf.switch_case(choice, [lambda x=x: apply(x, seeds[1]) for x in self.augmentations])

    def get_config(self) -> dict[str, Any]:
        serialize = tf.keras.utils.serialize_keras_object
        return {"augmentations": [serialize(x) for x in self.augmentations]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        deserialize = tf.keras.utils.deserialize_keras_object
        return cls(augmentations=[deserialize(x) for x in config["augmentations"]])
