"""The augmentation that changes the scale of a scene."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from rtml_tf.data.augmentation_base import FillingAugmentation
from rtml_tf.data.image_size import checked_size


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RandomScale(FillingAugmentation):
    """Resizes by one of several factors, then cuts or fills up to a fixed size.

    Where the resized image is larger than that size, a window is cut from a random place; where it
    is smaller, it is put at a random place of an image that is filled (a mask with its ignore
    value). Images are resized bilinearly, masks to the nearest pixels.

    Attributes:
        factors: The factors, drawn evenly.
        size: `(height, width)` of the result; `None` is that of the image.
    """

    def __init__(
        self,
        *,
        factors: Sequence[float] = (0.8, 1.0, 1.1),
        size: tuple[int, int] | None = None,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
    ):
        """Sets the factors.

        Raises:
            ValueError: If an argument is out of range; when called, if the image would have to be
                filled by more than itself by reflection.
        """
        super().__init__(fill_mode=fill_mode, fill_value=fill_value)
        self.factors = tuple(float(factor) for factor in factors)
        self.size = None if size is None else checked_size("size", size)
        if not self.factors or min(self.factors) <= 0.0:
            raise ValueError(f"factors must be numbers above 0, got {factors!r}.")

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        mode = "SYMMETRIC" if self.fill_mode == "reflect" else "CONSTANT"
        scaled = self._scaled(image, seed, "bilinear", mode, self.fill_value)
        return tf.clip_by_value(scaled, 0.0, 1.0)

    def of_mask(self, mask: tf.Tensor, seed: tf.Tensor, ignore_value: int) -> tf.Tensor:
        # What is reflected into the image is no new sight of the scene.
        mask = mask[:, :, tf.newaxis]
        return self._scaled(mask, seed, "nearest", "CONSTANT", ignore_value)[:, :, 0]

    def get_config(self) -> dict[str, Any]:
        return {"factors": self.factors, "size": self.size, **super().get_config()}

    def _scaled(
        self, pixels: tf.Tensor, seed: tf.Tensor, method: str, mode: str, fill: float
    ) -> tf.Tensor:
        size = self.size or tuple(pixels.shape[:2])
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        place = tf.random.stateless_uniform([2], seeds[0])  # In [0, 1): 0 is the top, the left.

        def by(factor: float) -> tf.Tensor:
            scaled = tuple(max(round(factor * side), 1) for side in pixels.shape[:2])
            result = pixels
            if scaled != tuple(pixels.shape[:2]):
                antialias = factor < 1.0 and method == "bilinear"
                result = tf.image.resize(pixels, scaled, method, antialias=antialias)
            more, less = (
                tuple(max(a - b, 0) for a, b in zip(first, second))
                for first, second in ((size, scaled), (scaled, size))
            )
            if mode == "SYMMETRIC" and any(a > b for a, b in zip(more, scaled)):
                raise ValueError(
                    f"RandomScale cannot fill {scaled} up to {size} by reflection: that takes at "
                    "least half of it."
                )
            if any(more):
                # floor(u * n) is even over 0..n-1.
                before = tf.cast(place * (tf.constant(more, tf.float32) + 1.0), tf.int32)
                both = tf.stack([before, tf.constant(more) - before], axis=1)
                result = tf.pad(result, tf.concat([both, [[0, 0]]], axis=0), mode, fill)
            first = tf.cast(place * (tf.constant(less, tf.float32) + 1.0), tf.int32)
            return tf.slice(result, tf.concat([first, [0]], axis=0), (*size, pixels.shape[-1]))

        number = tf.random.stateless_uniform([], seeds[1], 0, len(self.factors), tf.int32)
        branches = [lambda factor=factor: by(factor) for factor in self.factors]
        return tf.ensure_shape(tf.switch_case(number, branches), (*size, pixels.shape[-1]))
