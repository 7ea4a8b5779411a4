"""How well a metric still verifies when one image of each pair is attacked."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.similarity_objective import SimilarityObjective
from rtml_tf.data.pair_set import PairSet
from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation.embeddings import normalised_embeddings
from rtml_tf.evaluation.gathered_rows import GatheredRows
from rtml_tf.evaluation.honesty import HonestyChecks
from rtml_tf.evaluation.robust_evaluation import EPSILONS, RobustEvaluation
from rtml_tf.evaluation.thresholds import best_threshold
from rtml_tf.evaluation.verification import check_pairs, pair_similarities


class RobustVerificationEvaluation(RobustEvaluation):
    """Accuracy on pairs whose left image is attacked toward the wrong side: "accuracy at 4/255".

    The attack lowers the similarity to the clean right image for pairs of the same person and
    raises it for pairs of different people. It does not know the threshold.

    The threshold of a fold is the best one for the CLEAN similarities of all pairs of the other
    folds: whoever runs a verification system sets it without having seen an attack. The accuracy
    is that of the attacked pairs of the fold at this threshold, averaged over the folds;
    "accuracy at 0" is that of the same pairs, clean.
    """

    _needs_unit_length = False  # The objective is of the cosine.

    def __init__(
        self,
        *,
        pairs: PairSet,
        attack: Attack | None = None,
        epsilons: Sequence[float] = EPSILONS,
        batch_size: int = 128,
        limit: int | None = None,
        seed: int = 0,
        compute_dtype: str = "float32",
        honesty_checks: HonestyChecks | None = None,
        surrogate: tf.keras.Model | None = None,
        keep_attacked: bool = False,
        training: ImageSource | None = None,
    ):
        """Chooses the pairs.

        Args:
            pairs: The pairs, of both kinds and at least two folds.
            attack: How to search; its epsilon is replaced by each of `epsilons`. `None`:
                projected gradient descent with 32 steps, see `robust_evaluation.default_attack`.
            epsilons: In pixel units, above 0 and rising.
            batch_size: Images attacked at once.
            limit: At most this many pairs are attacked, as equally many of every fold and kind as
                there are; thresholds come from all pairs. `None`: all.
            seed: Of the choice that `limit` makes, and of the attacks.
            compute_dtype: Type that the attack's passes compute in: "float32", "bfloat16" or
                "float16". The figures are those of the network as it is.
            honesty_checks: Made for every network that is evaluated. `None`: not made.
            surrogate: For a transfer attack, the network that the attack sees (for one in a file:
                `networks.saving.load_network`). `None`: the one that is evaluated.
            keep_attacked: Whether what is found on the surrogate is kept in the cache on disk (see
                `array_cache`), 4 bytes for each value of the attacked images and each epsilon, so
                that it is searched for once for all networks that it is shown to.
            training: The images that the network is trained on: it is then checked that they
                share neither people nor images with the pairs, as far as these know their people
                (see `pair_set.check_disjoint`).

        Raises:
            ValueError: If an argument is out of range, the attack cannot be checked, pairs of a
                kind are missing, all pairs are of one fold, or training images are tested on.
        """
        check_pairs(pairs, training=training)
        self._pairs = pairs
        super().__init__(
            figures=["accuracy"],
            source=pairs.images,
            candidates=pairs.left,
            strata=2 * pairs.fold + pairs.same,
            attack=attack,
            objective=SimilarityObjective(),
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
        """See `RobustEvaluation`; where the thresholds come from as well."""
        return {**super().describe(), "threshold": "best on the clean pairs of the other folds"}

    def _entries(self, clean: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray | GatheredRows]:
        return {
            "reference_embedding": GatheredRows(clean, self._pairs.right[rows]),
            "direction": np.where(self._pairs.same[rows], -1.0, 1.0).astype(np.float32),
        }

    def _measure(
        self, clean: np.ndarray, attacked: np.ndarray, rows: np.ndarray
    ) -> dict[str, float]:
        pairs = self._pairs
        unharmed = pair_similarities(clean, pairs.left, pairs.right)
        right = normalised_embeddings(clean[pairs.right[rows]])
        similarities = np.einsum("pd,pd->p", normalised_embeddings(attacked), right)
        # In float64, as thresholds are: one just above a float32 number is not rounded to it.
        similarities = similarities.astype(np.float64)
        accuracies = []
        for fold in np.unique(pairs.fold[rows]):
            others, tested = pairs.fold != fold, pairs.fold[rows] == fold
            threshold = best_threshold(unharmed[others], pairs.same[others])
            accepted = similarities[tested] >= threshold
            accuracies.append(np.mean(accepted == pairs.same[rows][tested]))
        return {"accuracy": float(np.mean(accuracies))}
