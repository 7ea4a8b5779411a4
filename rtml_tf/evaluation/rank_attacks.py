"""The candidate and query attacks of RobRank: CA+, CA-, QA+ and QA-.

Zhou et al. ECCV 2020 ("Adversarial ranking attack and defense") and TPAMI 2024 ("Adversarial attack
and defense in deep ranking"), with one query (`w = 1`) and one candidate (`m = 1`). For the rising
attacks it is any image of the gallery, for the falling ones one of the first 1 % of the ranking.

The figure is the normalised rank of the candidate in percent: the share of the gallery, without
query and candidate, that stands before it. RobRank counts these two as well, which makes a
difference of at most `200 / N` percent.
"""

import numpy as np

from rtml_tf.attacks.rank_objectives import CandidateRankObjective, QueryRankObjective
from rtml_tf.evaluation.ranked_images import RankedImages
from rtml_tf.evaluation.ranking_attack import RankingAttack


class CandidateAttack(RankingAttack):
    """CA+ and CA-: an image changes its rank for another image as the query."""

    def __init__(self, images: RankedImages, *, upwards: bool, seed: tuple[int, ...]):
        """Draws the queries.

        Args:
            images: The gallery and the attacked images.
            upwards: CA+, to the first place; otherwise CA-, to the last.
            seed: Of the draw.
        """
        self._figure = "CA+" if upwards else "CA-"
        self._queries = images.any_other(seed) if upwards else images.any_near(seed)
        super().__init__(
            images,
            objective=CandidateRankObjective(gallery=images.embeddings, upwards=upwards),
            entries={"query": self._queries[:, np.newaxis]},
        )

    def measure(self, attacked: np.ndarray) -> dict[str, float]:
        queries = self.images.embeddings[self._queries]
        return {self._figure: _rank(self.images, queries, attacked, partners=self._queries)}


class QueryAttack(RankingAttack):
    """QA+ and QA-: an image as the query changes the rank of another image."""

    def __init__(self, images: RankedImages, *, upwards: bool, seed: tuple[int, ...]):
        """Draws the candidates.

        Args:
            images: The gallery and the attacked images.
            upwards: QA+, to the first place; otherwise QA-, to the last.
            seed: Of the draw.
        """
        self._figure = "QA+" if upwards else "QA-"
        self._candidates = images.any_other(seed) if upwards else images.any_near(seed)
        super().__init__(
            images,
            objective=QueryRankObjective(gallery=images.embeddings, upwards=upwards),
            entries={"candidate": self._candidates[:, np.newaxis]},
        )

    def measure(self, attacked: np.ndarray) -> dict[str, float]:
        candidates = self.images.embeddings[self._candidates]
        return {self._figure: _rank(self.images, attacked, candidates, partners=self._candidates)}


def _rank(
    images: RankedImages, queries: np.ndarray, candidates: np.ndarray, *, partners: np.ndarray
) -> float:
    """The mean normalised rank of candidates, in percent."""
    left_out = np.stack([images.attacked, partners], axis=1)
    before = images.nearer(queries, candidates, left_out=left_out)
    return float(100.0 * before.mean() / (len(images.embeddings) - 2))
