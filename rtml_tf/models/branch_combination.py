"""How one metric loss is taken of the branches of a mixed batch."""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

# Of the outputs (nested tensors [B, ...]) and labels [B] of some rows, a scalar.
Loss = Callable[[Any, tf.Tensor], tf.Tensor]


class Combination(abc.ABC):
    """Makes one loss of the rows of all branches."""

    def check(self, branches: Sequence[str]) -> None:
        """Refuses branches that it does not fit, by a `ValueError`; most fit any."""
        del branches

    @abc.abstractmethod
    def __call__(
        self, loss: Loss, outputs: Mapping[str, Any], labels: Mapping[str, tf.Tensor]
    ) -> tf.Tensor:
        """The loss of a mixed batch.

        Args:
            loss: The loss of some rows.
            outputs: What the network gives, by branch.
            labels: int32 `[B]`, by branch.

        Returns:
            float32 scalar.
        """

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Combination":
        """Builds it from `get_config()`."""
        return cls(**config)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class JointCombination(Combination):
    """One loss over all rows: pairs are formed across branches too. MDProp's published code."""

    def __call__(
        self, loss: Loss, outputs: Mapping[str, Any], labels: Mapping[str, tf.Tensor]
    ) -> tf.Tensor:
        rows = tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *outputs.values())
        return loss(rows, tf.concat(list(labels.values()), axis=0))


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class SeparateCombination(Combination):
    """The weighted sum of one loss a branch, as the texts of AdvProp and MDProp have it.

    Attributes:
        weights: Weight of each branch, or None for 1.
    """

    def __init__(self, *, weights: Mapping[str, float] | None = None):
        """Checks and keeps the weights.

        Args:
            weights: By branch, "clean" included; at least 0. `None`: 1 for each.

        Raises:
            ValueError: If a weight is negative.
        """
        if weights is not None and not all(weight >= 0 for weight in weights.values()):
            raise ValueError(f"weights must be at least 0, got {dict(weights)}.")
        self.weights = None if weights is None else dict(weights)

    def check(self, branches: Sequence[str]) -> None:
        if self.weights is not None and set(self.weights) != set(branches):
            raise ValueError(
                f"weights must be given for the branches {sorted(branches)}, got "
                f"{sorted(self.weights)}."
            )

    def __call__(
        self, loss: Loss, outputs: Mapping[str, Any], labels: Mapping[str, tf.Tensor]
    ) -> tf.Tensor:
        weights = self.weights or dict.fromkeys(outputs, 1.0)
        return tf.add_n(
            [weights[branch] * loss(outputs[branch], labels[branch]) for branch in outputs]
        )

    def get_config(self) -> dict[str, Any]:
        return {"weights": self.weights}
