"""Which local binary patterns are counted together.

A pattern is a ring of `P` bits. The names of scikit-image are given for comparison.
"""

import abc
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import tensorflow as tf

_MOST_TABULATED_POINTS = 16


class LbpMapping(abc.ABC):
    """Numbers patterns from 0 on, some of them alike."""

    @abc.abstractmethod
    def num_bins(self, points: int) -> int:
        """How many numbers there are for patterns of so many bits.

        Raises:
            ValueError: If the mapping cannot number patterns of so many bits.
        """

    @abc.abstractmethod
    def bins(self, bits: Sequence[tf.Tensor]) -> tf.Tensor:
        """Numbers the pattern of every pixel.

        Args:
            bits: `P` bool tensors of one shape.

        Returns:
            int32 of that shape, in `[0, num_bins(P))`.
        """

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Builds the mapping that `config` was taken from."""
        return cls(**config)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class UniformPatterns(LbpMapping):
    """Each pattern with at most one run of ones has a number, all others share the last.

    `P (P - 1) + 3` bins, 59 for eight points: "nri_uniform". Ahonen et al. 2006, "Face description
    with local binary patterns: application to face recognition", section 2.
    """

    def num_bins(self, points: int) -> int:
        return points * (points - 1) + 3

    def bins(self, bits: Sequence[tf.Tensor]) -> tf.Tensor:
        points = len(bits)
        ones, starts = _ones_and_starts(bits)
        # With one run, the number of places that it must be turned by to start with the first bit.
        rotation = tf.add_n([start * (-place % points) for place, start in enumerate(starts)])
        number = tf.maximum(1 + (ones - 1) * points + rotation, 0)
        return tf.where(tf.add_n(starts) <= 1, number, points * (points - 1) + 2)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RotationInvariantUniformPatterns(LbpMapping):
    """Patterns with at most one run of ones are numbered by its length, all others share the last.

    `P + 2` bins, ten for eight points: "uniform". Ojala et al. 2002, "Multiresolution gray-scale
    and rotation invariant texture classification with local binary patterns", equation 9.
    """

    def num_bins(self, points: int) -> int:
        return points + 2

    def bins(self, bits: Sequence[tf.Tensor]) -> tf.Tensor:
        ones, starts = _ones_and_starts(bits)
        return tf.where(tf.add_n(starts) <= 1, ones, len(bits) + 1)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RotationInvariantPatterns(LbpMapping):
    """Patterns that are rotations of each other share a number.

    36 bins for eight points: "ror", whose values are numbered in ascending order here. At most 16
    points.
    """

    def num_bins(self, points: int) -> int:
        return len(np.unique(_smallest_rotations(points)))

    def bins(self, bits: Sequence[tf.Tensor]) -> tf.Tensor:
        _, table = np.unique(_smallest_rotations(len(bits)), return_inverse=True)
        return tf.gather(tf.constant(table, tf.int32), _pattern(bits))


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class AllPatterns(LbpMapping):
    """Every pattern has a number of its own: bit `p` counts `2**p`.

    `2**P` bins, 256 for eight points: "default". At most 16 points.
    """

    def num_bins(self, points: int) -> int:
        return len(_patterns(points))

    def bins(self, bits: Sequence[tf.Tensor]) -> tf.Tensor:
        return _pattern(bits)


def _ones_and_starts(bits: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """The number of ones, and for each bit whether a run of ones starts with it, as int32."""
    starts = [
        tf.cast(tf.logical_and(bit, tf.logical_not(bits[place - 1])), tf.int32)
        for place, bit in enumerate(bits)
    ]
    return tf.add_n([tf.cast(bit, tf.int32) for bit in bits]), starts


def _pattern(bits: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([tf.cast(bit, tf.int32) * 2**place for place, bit in enumerate(bits)])


def _patterns(points: int) -> np.ndarray:
    if points > _MOST_TABULATED_POINTS:
        raise ValueError(
            f"points must be at most {_MOST_TABULATED_POINTS} where patterns that are not uniform "
            f"are told apart, got {points}."
        )
    return np.arange(2**points)


def _smallest_rotations(points: int) -> np.ndarray:
    patterns = _patterns(points)
    rotations = [(patterns >> k) | (patterns << (points - k)) % 2**points for k in range(points)]
    return np.min(rotations, axis=0)
