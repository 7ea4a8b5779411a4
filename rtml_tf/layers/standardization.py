"""Standardisation of features by the mean and the deviation of some data."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class Standardization(tf.keras.layers.Layer):
    """Shifts and scales each feature: `(x - mean) / std`, over data given to `adapt`.

    Until then the layer returns its input. Features that are (nearly) constant in the data, such
    as the empty bins of a histogram, would blow up whatever little they show later: no deviation
    counts as less than `floor` times the root mean square of all deviations. The layer computes in
    the variable type of the dtype policy, float32 under mixed precision.

    Call arguments:
        features: `[B, F]`.

    Call returns:
        `[B, F]` in the compute type of the layer.

    Attributes:
        floor: The least deviation, relative to that of all features.
        mean: Weight `[F]`, not trained.
        std: Weight `[F]`, not trained.
    """

    def __init__(self, *, floor: float = 0.01, **kwargs: Any):
        """Creates the layer.

        Args:
            floor: The least deviation, relative to that of all features; in (0, 1].
            **kwargs: Arguments of `tf.keras.layers.Layer`.

        Raises:
            ValueError: If `floor` is out of range.
        """
        super().__init__(autocast=False, **kwargs)
        if not 0.0 < floor <= 1.0:
            raise ValueError(f"floor must be in (0, 1], got {floor}.")
        self.floor = float(floor)
        self.input_spec = tf.keras.layers.InputSpec(ndim=2)

    def build(self, input_shape: tf.TensorShape) -> None:
        size = tf.TensorShape(input_shape)[-1]
        fixed = {"shape": [size], "trainable": False, "experimental_autocast": False}
        self.mean = self.add_weight(name="mean", initializer="zeros", **fixed)
        self.std = self.add_weight(name="std", initializer="ones", **fixed)
        super().build(input_shape)

    def adapt(self, batches: Iterable[np.ndarray | tf.Tensor]) -> None:
        """Takes mean and deviation (that of the population) from data, in one pass.

        Args:
            batches: Arrays `[n, F]`, finitely many.

        Raises:
            ValueError: If there is no example, or one that is not a finite vector of length F.
        """
        count, mean, squares = 0, 0.0, 0.0
        for batch in batches:
            batch = np.asarray(batch, np.float64)
            if batch.ndim != 2 or batch.size == 0 or not np.isfinite(batch).all():
                raise ValueError(
                    f"batches must be finite arrays [n, F], got one of shape {batch.shape}."
                )
            # Chan, Golub, LeVeque 1983: exact however far the mean is from zero.
            total, shift = count + len(batch), batch.mean(axis=0) - mean
            squares += ((batch - batch.mean(axis=0)) ** 2).sum(axis=0)
            squares += shift**2 * count * len(batch) / total
            mean, count = mean + shift * len(batch) / total, total
        if not count:
            raise ValueError("batches must have at least one example, got none.")
        if not self.built:
            self.build(tf.TensorShape([None, len(mean)]))
        variance = squares / count
        least = self.floor * np.sqrt(variance.mean()) or 1.0
        self.mean.assign(mean)
        self.std.assign(np.maximum(np.sqrt(variance), least))

    def call(self, features: tf.Tensor) -> tf.Tensor:
        features = (tf.cast(features, self.variable_dtype) - self.mean) / self.std
        return tf.cast(features, self.compute_dtype)

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        return tf.TensorShape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"floor": self.floor}


def adapted_standardization(
    *, batches: Any, part: str = "image", limit: int | None = None, floor: float = 0.01
) -> Standardization:
    """Returns a `Standardization` that is adapted to batches of the toolkit.

    Args:
        batches: What has a method `dataset()` that gives dicts of tensors, such as
            `rtml_tf.data.batches.OrderedBatches`.
        part: The key of the features `[B, F]` in a batch.
        limit: Take no more batches than this; needed where they have no end.
        floor: As for `Standardization`.

    Raises:
        ValueError: If an argument is out of range, or the batches have no end and there is no
            limit, or no such part.
    """
    layer, dataset = Standardization(floor=floor), batches.dataset()
    if part not in dataset.element_spec:
        raise ValueError(f"part must be one of {sorted(dataset.element_spec)}, got {part!r}.")
    if limit is not None:
        dataset = dataset.take(limit)
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError("limit must be set for batches that have no end.")
    layer.adapt(batch[part] for batch in dataset)
    return layer
