"""The empirical robustness score (ERS) of RobRank, from the figures of its attacks."""

from collections.abc import Mapping

ATTACK_FIGURES = ("CA+", "CA-", "QA+", "QA-", "TMA", "ES:D", "ES:R", "LTM", "GTM", "GTT")


def score_components(figures: Mapping[str, float]) -> dict[str, float]:
    """Each figure on a scale where 0 is full success of the attack and 100 none.

    Zhou et al. TPAMI 2024 ("Adversarial attack and defense in deep ranking"): normalised ranks
    (in percent) of a random candidate are 50 without attack, those of a near one 0; a cosine
    similarity of 0 to a random target and no shift at all stand for 100. Values beyond 100 are
    possible, by chance and for networks whose embeddings do not resemble each other at all.

    Args:
        figures: `ATTACK_FIGURES` by name: ranks, recalls and retained shares in percent, `TMA` a
            cosine, `ES:D` a distance in [0, 2].

    Returns:
        The components by the names of the figures.
    """
    return {
        "CA+": 2.0 * figures["CA+"],
        "CA-": 100.0 - figures["CA-"],
        "QA+": 2.0 * figures["QA+"],
        "QA-": 100.0 - figures["QA-"],
        "TMA": 100.0 * (1.0 - figures["TMA"]),
        "ES:D": 100.0 * (2.0 - figures["ES:D"]) / 2.0,
        **{name: figures[name] for name in ("ES:R", "LTM", "GTM", "GTT")},
    }


def empirical_robustness_score(figures: Mapping[str, float]) -> float:
    """The mean of the ten components; see `score_components`."""
    components = score_components(figures)
    return sum(components.values()) / len(components)
