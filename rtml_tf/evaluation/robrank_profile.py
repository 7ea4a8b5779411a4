"""Which attacks RobRank's score is made of, and how it searches."""

from collections.abc import Iterator

from rtml_tf.attacks.projected_gradient_descent import BasicIterativeMethod
from rtml_tf.evaluation.embedding_attacks import EmbeddingShiftAttack, TargetedMismatchAttack
from rtml_tf.evaluation.rank_attacks import CandidateAttack, QueryAttack
from rtml_tf.evaluation.ranked_images import RankedImages
from rtml_tf.evaluation.ranking_attack import RankingAttack
from rtml_tf.evaluation.top_rank_attacks import (
    GreedyMisrankingAttack,
    GreedyTranslocationAttack,
    LearningToMisrankAttack,
)

NUM_ATTACKS = 9


def robrank_search() -> BasicIterativeMethod:
    """Projected gradient descent from the clean image: 32 steps of 3/255, within 8/255."""
    return BasicIterativeMethod(epsilon=8 / 255, steps=32, step_size=3 / 255)


def robrank_attacks(images: RankedImages, *, seed: int) -> Iterator[RankingAttack]:
    """The nine attacks, made one at a time.

    Args:
        images: The gallery, and which of its images are attacked.
        seed: Of what the attacks draw; each draws from a seed of its own.
    """
    yield CandidateAttack(images, upwards=True, seed=(seed, 0))
    yield CandidateAttack(images, upwards=False, seed=(seed, 1))
    yield QueryAttack(images, upwards=True, seed=(seed, 2))
    yield QueryAttack(images, upwards=False, seed=(seed, 3))
    yield TargetedMismatchAttack(images, seed=(seed, 4))
    yield EmbeddingShiftAttack(images)
    yield LearningToMisrankAttack(images)
    yield GreedyMisrankingAttack(images)
    yield GreedyTranslocationAttack(images)
