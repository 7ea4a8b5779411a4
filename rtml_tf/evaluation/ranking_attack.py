"""What the attacks on rankings have in common."""

import abc
from collections.abc import Mapping

import numpy as np

from rtml_tf.attacks.objective import Objective
from rtml_tf.evaluation.ranked_images import RankedImages


class RankingAttack(abc.ABC):
    """One attack on images of a gallery: whom it aims at, what it raises, what it achieves.

    How to search for the perturbation is not a part of it: that is an `Attack`.

    Attributes:
        images: The gallery, and which of its images are attacked.
        objective: What a search shall raise.
        entries: What the objective reads beside images, `[Q, ...]`.
    """

    def __init__(
        self, images: RankedImages, *, objective: Objective, entries: Mapping[str, np.ndarray]
    ):
        """Keeps its arguments."""
        self.images = images
        self.objective = objective
        self.entries = dict(entries)

    @abc.abstractmethod
    def measure(self, attacked: np.ndarray) -> dict[str, float]:
        """The figures of the attack, by name.

        Args:
            attacked: float32 `[Q, D]`, the embeddings that the search has led to, at unit length.
        """
