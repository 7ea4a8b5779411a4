"""What augmentations have in common, and how several are applied."""

import abc
from collections.abc import Sequence
from typing import Any, Self

import tensorflow as tf


class Augmentation(abc.ABC):
    """A random change of one image, without any state.

    The result is a pure function of the image and the seed, whatever thread computes it and
    whatever came before. That is what lets a resumed run see the images it would have seen.

    A subclass takes keyword-only arguments and returns them from `get_config`.
    """

    @abc.abstractmethod
    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Changes one image, as graph operations.

        Args:
            image: float32 `[H, W, C]` in [0, 1], with static shape.
            seed: int32 `[2]`.

        Returns:
            float32 `[H', W', C]` in [0, 1], with static shape.
        """

    def of_mask(self, mask: tf.Tensor, seed: tf.Tensor, ignore_value: int) -> tf.Tensor:
        """Does to the mask of an image what the same seed does to the image.

        Only augmentations that are made for it override this: one that moves the pixels of an
        image but not those of its mask would be wrong without any sign of it.

        Args:
            mask: int32 `[H, W]`, of the image's size, with static shape.
            seed: int32 `[2]`, that of the image.
            ignore_value: What comes in from outside of the mask.

        Returns:
            int32 `[H', W']`.

        Raises:
            ValueError: If this augmentation knows no masks.
        """
        del mask, seed, ignore_value
        raise ValueError(f"{type(self).__name__} cannot be applied to an image with a mask.")

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Builds the augmentation that `config` was taken from."""
        return cls(**config)


class ToneAugmentation(Augmentation):
    """An augmentation that leaves every pixel where it is, and so a mask as it is."""

    def of_mask(self, mask: tf.Tensor, seed: tf.Tensor, ignore_value: int) -> tf.Tensor:
        del seed, ignore_value
        return mask


class FillingAugmentation(Augmentation):
    """An augmentation that brings in pixels from outside of the image.

    Attributes:
        fill_mode: "constant", or "reflect" about the edge (`d c b a | a b c d | d c b a`).
        fill_value: What comes in where `fill_mode` is "constant", in [0, 1].
    """

    def __init__(self, *, fill_mode: str = "constant", fill_value: float = 0.0):
        """Sets what comes in from outside.

        Raises:
            ValueError: If an argument is out of range.
        """
        if fill_mode not in ("constant", "reflect"):
            raise ValueError(f"fill_mode must be 'constant' or 'reflect', got {fill_mode!r}.")
        if not 0.0 <= fill_value <= 1.0:
            raise ValueError(f"fill_value must be in [0, 1], got {fill_value}.")
        self.fill_mode = fill_mode
        self.fill_value = float(fill_value)

    def get_config(self) -> dict[str, Any]:
        return {"fill_mode": self.fill_mode, "fill_value": self.fill_value}


def augment(image: tf.Tensor, augmentations: Sequence[Augmentation], seed: tf.Tensor) -> tf.Tensor:
    """Applies augmentations one after the other, each with a seed of its own.

    Args:
        image: float32 `[H, W, C]` in [0, 1].
        augmentations: What to apply, first to last.
        seed: int32 `[2]`.

    Returns:
        float32 `[H', W', C]` in [0, 1].

    Raises:
        ValueError: If there is something to apply, but `image` is a descriptor.
    """
    if augmentations and image.shape.rank != 3:
        raise ValueError(
            "augmentation changes images [H, W, C], got an example of shape "
            f"{tuple(image.shape)}. The images of a ViewedSource are augmented before its view is "
            "taken."
        )
    for position, augmentation in enumerate(augmentations):
        image = augmentation(image, _seed_at(seed, position))
    return image


def augment_with_mask(
    image: tf.Tensor,
    mask: tf.Tensor,
    augmentations: Sequence[Augmentation],
    seed: tf.Tensor,
    *,
    ignore_value: int,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Applies augmentations to an image and its mask; the image becomes what `augment` makes of it.

    Args:
        image: float32 `[H, W, C]` in [0, 1].
        mask: int32 `[H, W]`.
        augmentations: What to apply, first to last.
        seed: int32 `[2]`.
        ignore_value: What comes in from outside of the mask.

    Returns:
        The image, float32 `[H', W', C]` in [0, 1], and the mask, int32 `[H', W']`.

    Raises:
        ValueError: If an augmentation knows no masks.
    """
    for position, augmentation in enumerate(augmentations):
        own_seed = _seed_at(seed, position)
        image = augmentation(image, own_seed)
        mask = augmentation.of_mask(mask, own_seed, ignore_value)
    return image, mask


def _seed_at(seed: tf.Tensor, position: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, position)
