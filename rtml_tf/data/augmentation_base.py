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

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Builds the augmentation that `config` was taken from."""
        return cls(**config)


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
    """
    for position, augmentation in enumerate(augmentations):
        image = augmentation(image, tf.random.experimental.stateless_fold_in(seed, position))
    return image
