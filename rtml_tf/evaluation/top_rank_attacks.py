"""The attacks of RobRank on what a query finds first: LTM, GTM and GTT."""

import numpy as np

from rtml_tf.attacks.embedding_objectives import TargetEmbeddingObjective
from rtml_tf.attacks.misranking_objective import MisrankingObjective
from rtml_tf.attacks.rank_objectives import QueryRankObjective
from rtml_tf.evaluation.ranked_images import RankedImages
from rtml_tf.evaluation.ranking_attack import RankingAttack


class LearningToMisrankAttack(RankingAttack):
    """LTM: other classes come first, the query's own class last.

    `LTM` is the Recall@1 of the attacked queries in percent. RobRank's code leaves a query's own
    image among those of its class, which turns it into a shift of the embedding; here it is left
    out, as the text has it.
    """

    def __init__(self, images: RankedImages):
        """See `RankingAttack`."""
        objective = MisrankingObjective(gallery=images.embeddings, gallery_labels=images.labels)
        super().__init__(images, objective=objective, entries={"own": images.attacked})

    def measure(self, attacked: np.ndarray) -> dict[str, float]:
        return {"LTM": 100.0 * self.images.recall_at_1(attacked)}


class GreedyMisrankingAttack(RankingAttack):
    """GTM, greedy top-1 misranking: the nearest image of another class comes first.

    The attack moves the query to that image. `GTM` is the Recall@1 of the attacked queries in
    percent.
    """

    def __init__(self, images: RankedImages):
        """See `RankingAttack`."""
        targets = images.embeddings[images.nearest(1, of_own_class=False)[:, 0]]
        super().__init__(
            images, objective=TargetEmbeddingObjective(), entries={"target_embedding": targets}
        )

    def measure(self, attacked: np.ndarray) -> dict[str, float]:
        return {"GTM": 100.0 * self.images.recall_at_1(attacked)}


class GreedyTranslocationAttack(RankingAttack):
    """GTT, greedy top-1 translocation: what came first falls, whatever its class.

    It is QA- on the first image of the clean ranking. `GTT` is the share of queries, in percent,
    that still have it among their first four: the figure that RobRank's score takes.
    """

    _RETAINED_AMONG = 4

    def __init__(self, images: RankedImages):
        """See `RankingAttack`."""
        self._first = images.at_rank(images.clean, np.zeros(len(images.attacked), np.int64))
        super().__init__(
            images,
            objective=QueryRankObjective(gallery=images.embeddings, upwards=False),
            entries={"candidate": self._first[:, np.newaxis]},
        )

    def measure(self, attacked: np.ndarray) -> dict[str, float]:
        before = self.images.nearer(
            attacked,
            self.images.embeddings[self._first],
            left_out=np.stack([self.images.attacked, self._first], axis=1),
        )
        return {"GTT": float(100.0 * np.mean(before < self._RETAINED_AMONG))}
