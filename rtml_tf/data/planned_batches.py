"""Endless batches as a plan wants them."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import tensorflow as tf

from rtml_tf.data.batch_share import WHOLE, BatchShare
from rtml_tf.data.example_stream import example_stream


class BatchPlan(Protocol):
    """Which examples make up each batch, as a pure function of the epoch.

    Attributes:
        steps_per_epoch: Batches in an epoch, `S`.
        batch_size: Examples in a batch, `B`.
    """

    steps_per_epoch: int
    batch_size: int

    def epoch_batches(self, epoch: int) -> np.ndarray:
        """Example numbers, int64 `[S, B]`."""


def planned_batches(
    plan: BatchPlan,
    load: Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]],
    *,
    start_step: int = 0,
    share: BatchShare = WHOLE,
) -> tf.data.Dataset:
    """The batches of a plan from `start_step` on, loaded in parallel and in order.

    Args:
        plan: Chooses the examples.
        load: Gives one example, as graph operations, from its number and its position, both int64
            scalars. Positions count examples since step 0.
        start_step: Number of the first step, counted over all epochs.
        share: What of each step to read, for how many replicas.

    Returns:
        What `load` gives, `[B, ...]` with static shape, `B` being the rows of one replica. Where
        `load` is a pure function, starting at a step and skipping to it are equal bit for bit.

    Raises:
        ValueError: If `start_step` is negative, or a batch cannot be divided.
    """
    if start_step < 0:
        raise ValueError(f"start_step must be >= 0, got {start_step}.")
    examples = example_stream(
        epoch_indices=lambda epoch: plan.epoch_batches(epoch).ravel(),
        epoch_size=plan.steps_per_epoch * plan.batch_size,
        start=start_step * share.rows_of_all(plan.batch_size),
    )
    examples = share.of(examples, plan.batch_size)
    loaded = examples.map(load, tf.data.AUTOTUNE, deterministic=True)
    return loaded.batch(share.rows(plan.batch_size), drop_remainder=True)
