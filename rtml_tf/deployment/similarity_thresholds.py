"""From which similarity on two images show the same."""

from collections.abc import Sequence

import numpy as np

from rtml_tf.data.pair_set import PairSet
from rtml_tf.deployment.file_network import FileNetwork
from rtml_tf.evaluation import roc
from rtml_tf.evaluation.verification import VerificationEvaluation


def threshold_at(similarities: np.ndarray, same: np.ndarray, rate: float) -> dict[str, float]:
    """The lowest threshold whose false accept rate is at most `rate`.

    It lies half way between the similarity of the last pair that is accepted and that of the next
    one, so that rounding does not decide about either.

    Args:
        similarities: `[P]`, finite.
        same: bool `[P]`, pairs of both kinds.
        rate: False accept rate, in (0, 1]. Where it is below one over the number of pairs of
            different people, no such pair is accepted, and the pairs say nothing about the rate.

    Returns:
        `false_accept_rate`, which is `rate`; the `threshold`: a pair is accepted from it on; and
        what the pairs show there, `measured_far` and `measured_tar`.

    Raises:
        ValueError: As `roc.roc_curve`.
    """
    far, tar, thresholds = roc.roc_curve(similarities, same)
    last = int(np.searchsorted(far, rate, side="right")) - 1
    accepted = thresholds[last]
    if last + 1 == len(thresholds):
        threshold = accepted
    elif last == 0:
        threshold = np.nextafter(thresholds[1], np.inf)
    else:
        middle = (accepted + thresholds[last + 1]) / 2
        # Half way between two neighbouring numbers is one of them.
        threshold = middle if middle > thresholds[last + 1] else accepted
    return {
        "false_accept_rate": float(rate),
        "threshold": float(threshold),
        "measured_far": float(far[last]),
        "measured_tar": float(tar[last]),
    }


class SimilarityThresholds:
    """Thresholds of a file at chosen false accept rates, from pairs that the file itself embeds.

    Attributes:
        false_accept_rates: The rates.
    """

    def __init__(self, *, pairs: PairSet, false_accept_rates: Sequence[float] = (0.1, 0.01)):
        """Takes the pairs.

        Args:
            pairs: Of people, or classes, that were neither trained on nor are tested on.
            false_accept_rates: In (0, 1].

        Raises:
            ValueError: If a rate is out of range, or there are fewer pairs of different people than
                it takes to measure it.
        """
        self._verification = VerificationEvaluation(
            pairs=pairs, false_accept_rates=false_accept_rates
        )
        self.false_accept_rates = tuple(false_accept_rates)
        different = np.count_nonzero(~pairs.same)
        smallest = min(self.false_accept_rates, default=1.0)
        if smallest * different < 1.0:
            raise ValueError(
                f"A false accept rate of {smallest:g} takes at least {np.ceil(1 / smallest):.0f} "
                f"pairs of different people, got {different}."
            )

    def measure(self, network: FileNetwork) -> list[dict[str, float]]:
        """The thresholds of `network`, as `threshold_at` gives them, in the order of the rates."""
        similarities = self._verification.similarities(network)
        same = self._verification.pairs.same
        return [threshold_at(similarities, same, rate) for rate in self.false_accept_rates]

    def describe(self) -> dict[str, int]:
        """How many pairs of each kind there are."""
        same = self._verification.pairs.same
        return {"same": int(np.sum(same)), "different": int(np.sum(~same))}
