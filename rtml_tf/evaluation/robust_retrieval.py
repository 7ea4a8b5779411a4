"""How well a metric still retrieves when the queries are attacked."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.embedding_objectives import EmbeddingShiftObjective
from rtml_tf.attacks.objective import Objective
from rtml_tf.attacks.recall_margin_objective import RecallMarginObjective
from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation.gathered_rows import GatheredRows
from rtml_tf.evaluation.honesty import HonestyChecks
from rtml_tf.evaluation.ranked_images import RankedImages
from rtml_tf.evaluation.retrieval import check_recall_at, retrieval_figures
from rtml_tf.evaluation.robust_evaluation import EPSILONS, RobustEvaluation

_NEAR = 16  # rivals and mates of a query


class RobustRetrievalEvaluation(RobustEvaluation):
    """Recall@k of attacked queries in a clean gallery: "recall@1 at 4/255".

    The gallery is every image of the source, clean. A query's own clean image, which an attack
    moves away from but hardly ever beyond all others, is not searched. Images that are the only
    ones of their class are no queries.

    By default a query's embedding is moved as far as possible from its clean one (the embedding
    shift attack of RobRank, Zhou et al., TPAMI 2024), which needs no labels; the figure shows what
    that does to the retrieval. It is no lower bound: an attacker who knows the gallery and its
    labels does more. `RecallMarginObjective` is that attack on Recall@1 itself.
    """

    def __init__(
        self,
        *,
        source: ImageSource,
        attack: Attack | None = None,
        objective: Objective | None = None,
        epsilons: Sequence[float] = EPSILONS,
        recall_at: Sequence[int] = (1,),
        batch_size: int = 128,
        limit: int | None = None,
        seed: int = 0,
        compute_dtype: str = "float32",
        honesty_checks: HonestyChecks | None = None,
        surrogate: tf.keras.Model | None = None,
        keep_attacked: bool = False,
    ):
        """Chooses the queries.

        Args:
            source: Meant for classes that were not trained on.
            attack: How to search; its epsilon is replaced by each of `epsilons`. `None`:
                projected gradient descent with 32 steps, see `robust_evaluation.default_attack`.
            objective: What the attack raises, from `"image"` and `"label"` of the queries and, for
                `RecallMarginObjective`, what the clean gallery has near them. `None`: the embedding
                shift.
            epsilons: In pixel units, above 0 and rising.
            recall_at: The `k` of `recall@k`.
            batch_size: Images attacked at once.
            limit: At most this many queries, drawn at random; the gallery stays whole, so that
                figures of different limits estimate the same. `None`: all.
            seed: Of the choice that `limit` makes, and of the attacks.
            compute_dtype: Type that the attack's passes compute in: "float32", "bfloat16" or
                "float16". The figures are those of the network as it is.
            honesty_checks: Made for every network that is evaluated. `None`: not made.
            surrogate: For a transfer attack, the network that the attack sees (for one in a file:
                `networks.saving.load_network`). `None`: the one that is evaluated.
            keep_attacked: Whether what is found on the surrogate is kept in the cache on disk (see
                `array_cache`), 4 bytes for each value of the attacked images and each epsilon, so
                that it is searched for once for all networks that it is shown to.

        Raises:
            ValueError: If an argument is out of range, the attack cannot be checked, no class has
                two images, or there is no other class to be found.
        """
        check_recall_at(recall_at)
        self._labels = np.asarray(source.labels)
        self._queries = np.flatnonzero(np.bincount(self._labels)[self._labels] > 1)
        if self._queries.size == 0:
            raise ValueError(
                f"source must have a class with at least two images, got {source.num_classes} "
                "classes with one image each."
            )
        self._misranks = isinstance(objective, RecallMarginObjective)
        if self._misranks and source.num_classes < 2:
            raise ValueError(
                "source must have at least two classes for an image of another one to be found "
                f"first, got {source.num_classes}."
            )
        self._recall_at = tuple(recall_at)
        super().__init__(
            figures=[f"recall@{k}" for k in recall_at],
            source=source,
            candidates=self._queries,
            strata=np.zeros(len(self._queries), np.int64),
            attack=attack,
            objective=EmbeddingShiftObjective() if objective is None else objective,
            epsilons=epsilons,
            batch_size=batch_size,
            limit=limit,
            seed=seed,
            compute_dtype=compute_dtype,
            honesty_checks=honesty_checks,
            surrogate=surrogate,
            keep_attacked=keep_attacked,
        )

    def describe(self) -> dict:
        """See `RobustEvaluation`; the gallery's size as well."""
        return {**super().describe(), "gallery": len(self._labels)}

    def _measure(
        self, clean: np.ndarray, attacked: np.ndarray, rows: np.ndarray
    ) -> dict[str, float]:
        queries = self._queries[rows]
        return retrieval_figures(
            attacked,
            self._labels[queries],
            gallery_embeddings=clean,
            gallery_labels=self._labels,
            own_index=queries,
            recall_at=self._recall_at,
            nmi=False,
        )

    def _entries(self, clean: np.ndarray, rows: np.ndarray) -> dict[str, GatheredRows]:
        if not self._misranks:
            return {}
        images = RankedImages(embeddings=clean, labels=self._labels, attacked=self._queries[rows])
        return {
            "rivals": GatheredRows(clean, images.nearest(_NEAR, of_own_class=False)),
            "mates": GatheredRows(clean, images.nearest(_NEAR, of_own_class=True)),
        }
