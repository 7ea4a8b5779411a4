"""An affine map of features: what every classical method finds."""

import dataclasses
from collections.abc import Sequence
from typing import Self

import numpy as np
import tensorflow as tf

from rtml_tf.networks.embedding_head import project
from rtml_tf.networks.image_input import image_input


@dataclasses.dataclass(frozen=True, eq=False)
class AffineEmbedding:
    """The map `x -> x weights + bias` of a feature vector, in float64.

    Attributes:
        weights: float64 `[F, D]`.
        bias: float64 `[D]`.
    """

    weights: np.ndarray
    bias: np.ndarray

    @classmethod
    def linear(cls, weights: np.ndarray) -> Self:
        """The map `x -> x weights`."""
        return cls(weights, np.zeros(weights.shape[1]))

    @classmethod
    def centred(cls, weights: np.ndarray, mean: np.ndarray) -> Self:
        """The map `x -> (x - mean) weights`, with `mean` of shape `[F]`."""
        return cls(weights, -mean @ weights)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Maps `[N, F]` to `[N, D]`."""
        return features @ self.weights + self.bias

    def then(self, second: "AffineEmbedding") -> "AffineEmbedding":
        """The map that applies this one first and `second` to its result."""
        return AffineEmbedding(self.weights @ second.weights, second(self.bias))

    def network(self, *, input_shape: Sequence[int], name: str) -> tf.keras.Model:
        """The map as a network whose embeddings have unit length.

        Args:
            input_shape: `(H, W, C)` of images, which are flattened in row-major order, or `(F,)`
                of descriptors.
            name: Name of the network.

        Returns:
            The network: "image" `[B, H, W, C]` or "descriptor" `[B, F]` to float32 `[B, D]`.

        Raises:
            ValueError: If an example does not have `F` values.
        """
        size, embedding_size = self.weights.shape
        if int(np.prod(input_shape)) != size:
            raise ValueError(
                f"input_shape must hold the {size} values that the embedding takes, got "
                f"{tuple(input_shape)}."
            )
        if len(input_shape) == 1:
            features = example = tf.keras.Input((size,), dtype="float32", name="descriptor")
        else:
            example = image_input(input_shape=input_shape)
            features = tf.keras.layers.Flatten(dtype="float32", name="flatten")(example)
        embeddings = project(features=features, embedding_size=embedding_size)
        network = tf.keras.Model(example, embeddings, name=name)
        network.get_layer("embedding").set_weights([self.weights, self.bias])
        return network
