"""The attacks of RobRank that know embeddings only, not rankings: ES and TMA."""

import numpy as np

from rtml_tf.attacks.embedding_objectives import EmbeddingShiftObjective
from rtml_tf.attacks.similarity_objective import SimilarityObjective
from rtml_tf.evaluation.ranked_images import RankedImages
from rtml_tf.evaluation.ranking_attack import RankingAttack


class EmbeddingShiftAttack(RankingAttack):
    """ES: an image moves as far as it can from where it is.

    `ES:D` is the mean distance that it has moved, in [0, 2]; `ES:R` the Recall@1 of the moved
    queries in percent.
    """

    def __init__(self, images: RankedImages):
        """See `RankingAttack`."""
        super().__init__(images, objective=EmbeddingShiftObjective(), entries={})

    def measure(self, attacked: np.ndarray) -> dict[str, float]:
        moved = np.linalg.norm(attacked - self.images.clean, axis=1)
        return {"ES:D": float(moved.mean()), "ES:R": 100.0 * self.images.recall_at_1(attacked)}


class TargetedMismatchAttack(RankingAttack):
    """TMA: an image becomes like another one, drawn from all.

    Tolias et al. ICCV 2019 ("Targeted mismatch adversarial attack: query with a flower to retrieve
    the tower"), with a global descriptor. `TMA` is the mean cosine similarity of the two.
    """

    def __init__(self, images: RankedImages, *, seed: tuple[int, ...]):
        """Draws the targets by `seed`."""
        self._targets = images.embeddings[images.any_other(seed)]
        super().__init__(
            images,
            objective=SimilarityObjective(),
            entries={
                "reference_embedding": self._targets,
                "direction": np.ones(len(images.attacked), np.float32),
            },
        )

    def measure(self, attacked: np.ndarray) -> dict[str, float]:
        return {"TMA": float(np.einsum("qd,qd->q", attacked, self._targets).mean())}
