"""The terms of a weighted sum of losses."""

from collections.abc import Sequence
from typing import TypeVar

from rtml_tf.losses import arguments

Term = TypeVar("Term")


def weighted_terms(
    kind: type[Term], losses: Sequence[Term], weights: Sequence[float] | None
) -> tuple[list[Term], list[float]]:
    """Returns losses and their weights, by default all 1.

    Raises:
        ValueError: If there is no loss, an element is not of the kind, the lengths differ or a
            weight is negative.
    """
    for loss in losses:
        if not isinstance(loss, kind):
            raise ValueError(f"losses must be {kind.__name__} objects, got {loss!r}.")
    if not losses:
        raise ValueError("losses must have at least one loss, got none.")
    weights = [1.0] * len(losses) if weights is None else weights
    if len(weights) != len(losses):
        raise ValueError(
            f"losses and weights must have the same length, got {len(losses)} and {len(weights)}."
        )
    return list(losses), [arguments.non_negative("weights", weight) for weight in weights]
