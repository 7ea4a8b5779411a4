"""What the network of another domain reads of an image."""

import abc
from typing import Any, Self

import tensorflow as tf


class InputView(abc.ABC):
    """A fixed map from images to the inputs of a network of another domain.

    A view draws nothing at random and keeps no state, so that it can be taken in a pipeline, be
    computed once and kept, or be a layer of an exported network (`InputViewLayer`).

    A subclass takes keyword-only arguments, returns them from `get_config`, and is registered with
    `tf.keras.utils.register_keras_serializable`.
    """

    @abc.abstractmethod
    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Takes the view of a batch, as graph operations.

        Args:
            images: float32 `[B, H, W, C]` in [0, 1]; all but `B` static.

        Returns:
            float32 `[B, *output_shape((H, W, C))]`, likewise.
        """

    @abc.abstractmethod
    def output_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, ...]:
        """The shape of the view of one image.

        Args:
            image_shape: `(height, width, channels)`.

        Returns:
            `(height, width, channels)` for a view that is an image, `(F,)` for a descriptor.

        Raises:
            ValueError: If images of this shape cannot be viewed.
        """

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON can hold them."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Builds the view that `config` was taken from."""
        return cls(**config)


def checked_image_shape(image_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Returns `(height, width, channels)`.

    Raises:
        ValueError: If `image_shape` is not that of a grey or colour image.
    """
    shape = tuple(image_shape)
    if len(shape) != 3 or None in shape or shape[-1] not in (1, 3):
        raise ValueError(
            f"image_shape must be (height, width, channels) with 1 or 3 channels, got {shape}."
        )
    return shape
