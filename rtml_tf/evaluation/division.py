"""Batches of an evaluation, divided among the replicas of the strategy in force."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from rtml_tf.layers.replicas import replicas_here
from rtml_tf.layers.worker_exchange import WorkerExchange


class NumberedBatches(Protocol):
    """Batches that can be read from any one on, such as `OrderedBatches`.

    Attributes:
        steps: How many there are.
        batch_size: Examples in each but the last.
        labels: int32 `[N]`, the labels of all examples.
    """

    steps: int
    batch_size: int
    labels: np.ndarray

    def dataset(self, *, first: int = 0, count: int | None = None) -> tf.data.Dataset:
        """`count` batches from number `first` on; None: all that follow."""


class Division:
    """Which batches this program computes, and how the results of all programs come together.

    Each worker takes consecutive batches, as many as the others or one less; its replicas take them
    in turns. Nothing is exchanged until all are done. Every worker must divide the same batches at
    the same time.

    Attributes:
        workers: How many programs divide the batches.
    """

    def __init__(self, batches: NumberedBatches, *, among_workers: bool = True):
        """Finds this program's part.

        Args:
            batches: What is divided. Of fewer batches than workers each computes all.
            among_workers: Whether workers divide the batches. Otherwise each computes all of them,
                whatever the others do.
        """
        self._batches = batches
        self._exchange = WorkerExchange(tf.float32)
        self.workers = self._exchange.count
        if not among_workers or batches.steps < self.workers:
            self.workers = 1
        worker = self._exchange.index if self.workers > 1 else 0
        self._bounds = [batches.steps * i // self.workers for i in range(self.workers + 1)]
        self._first, self._end = self._bounds[worker : worker + 2]

    def groups(self) -> Iterator[list[tuple[int, dict[str, Any]]]]:
        """The numbers and the contents of this program's batches, one for each of its replicas."""
        batches = self._batches.dataset(first=self._first, count=self._end - self._first)
        group = []
        for number, batch in enumerate(batches, self._first):
            group.append((number, batch))
            if len(group) == replicas_here() or number + 1 == self._end:
                yield group
                group = []

    def joined(self, results: Sequence[np.ndarray]) -> np.ndarray:
        """The results of all programs.

        Args:
            results: Of this program's batches in order, float32 `[B, D]` each.

        Returns:
            float32 `[N, D]`, a row for each example.
        """
        rows = np.concatenate(results)
        if self.workers == 1:
            return rows
        ends = np.array(self._bounds) * self._batches.batch_size
        ends[-1] = len(self._batches.labels)
        return self._exchange.joined_rows(rows, np.diff(ends).tolist())
