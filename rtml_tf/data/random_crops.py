"""Augmentations that cut out a window."""

from typing import Any

import tensorflow as tf

from rtml_tf.data.augmentation_base import Augmentation, FillingAugmentation
from rtml_tf.data.image_size import checked_size


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RandomCrop(FillingAugmentation):
    """Cuts a window of fixed size from a random place, after padding the image.

    Attributes:
        size: `(height, width)` of the window.
        padding: Pixels added on each of the four sides.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int],
        padding: int = 0,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
    ):
        """Sets the window.

        Raises:
            ValueError: If an argument is out of range; when called, if the padded image is smaller
                than the window, or would be padded by more than itself by reflection.
        """
        super().__init__(fill_mode=fill_mode, fill_value=fill_value)
        self.size = checked_size("size", size)
        if padding < 0:
            raise ValueError(f"padding must be >= 0, got {padding}.")
        self.padding = padding

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        mode = "SYMMETRIC" if self.fill_mode == "reflect" else "CONSTANT"
        return self._window(image, seed, mode, self.fill_value)

    def of_mask(self, mask: tf.Tensor, seed: tf.Tensor, ignore_value: int) -> tf.Tensor:
        # What is reflected into the image is no new sight of the scene.
        return self._window(mask[:, :, tf.newaxis], seed, "CONSTANT", ignore_value)[:, :, 0]

    def _window(self, pixels: tf.Tensor, seed: tf.Tensor, mode: str, fill: float) -> tf.Tensor:
        height, width, channels = pixels.shape
        added = 2 * self.padding
        if height + added < self.size[0] or width + added < self.size[1]:
            raise ValueError(
                f"RandomCrop cannot cut size={self.size} from an image of {height}x{width} with "
                f"padding={self.padding}."
            )
        if mode == "SYMMETRIC" and self.padding > min(height, width):
            raise ValueError(
                f"RandomCrop cannot fill padding={self.padding} by reflection of an image of "
                f"{height}x{width}, whose sides must be at least as long."
            )
        if self.padding:
            paddings = [[self.padding] * 2, [self.padding] * 2, [0, 0]]
            pixels = tf.pad(pixels, paddings, mode, fill)
        return tf.image.stateless_random_crop(pixels, (*self.size, channels), seed)

    def get_config(self) -> dict[str, Any]:
        return {"size": self.size, "padding": self.padding, **super().get_config()}


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RandomResizedCrop(Augmentation):
    """Cuts a window of random area and aspect ratio and resizes it, bilinearly.

    Szegedy et al., "Going Deeper with Convolutions", 2015, section 6. A window that does not fit
    after 100 draws is replaced by the whole image.

    Attributes:
        size: `(height, width)` of the result.
        area: Smallest and largest area of the window, as fractions of the image.
        aspect_ratio: Smallest and largest width / height of the window.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int],
        area: tuple[float, float] = (0.2, 1.0),
        aspect_ratio: tuple[float, float] = (3 / 4, 4 / 3),
    ):
        """Sets the size and the ranges.

        Raises:
            ValueError: If an argument is out of range.
        """
        self.size = checked_size("size", size)
        self.area = tuple(float(value) for value in area)
        self.aspect_ratio = tuple(float(value) for value in aspect_ratio)
        if len(self.area) != 2 or not 0.0 < self.area[0] <= self.area[1] <= 1.0:
            raise ValueError(f"area must be (lowest, highest) within (0, 1], got {area!r}.")
        if len(self.aspect_ratio) != 2 or not 0.0 < self.aspect_ratio[0] <= self.aspect_ratio[1]:
            raise ValueError(
                f"aspect_ratio must be (lowest, highest), both above 0, got {aspect_ratio!r}."
            )

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        height, width, channels = image.shape
        begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
            (height, width, channels),
            tf.zeros([1, 0, 4]),
            seed,
            # The whole image counts as the object: more than 0 would be a bound of the area too.
            min_object_covered=0.0,
            aspect_ratio_range=self.aspect_ratio,
            area_range=self.area,
            use_image_if_no_bounding_boxes=True,
        )
        # No window is larger than the image; where that is no larger than the result, there is
        # nothing to antialias, and leaving it out is several times as fast.
        antialias = height > self.size[0] or width > self.size[1]
        window = tf.slice(image, begin, extent)
        window = tf.image.resize(window, self.size, antialias=antialias)
        return tf.ensure_shape(tf.clip_by_value(window, 0.0, 1.0), (*self.size, channels))

    def get_config(self) -> dict[str, Any]:
        return {"size": self.size, "area": self.area, "aspect_ratio": self.aspect_ratio}
