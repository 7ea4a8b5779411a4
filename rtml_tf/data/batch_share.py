"""The share of each step's examples that one of several programs reads."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class BatchShare:
    """How the examples of a step are divided among replicas, and which of them one worker reads.

    A step takes one batch, of which each replica gets as many rows, in order; or, with
    `whole_batches`, as many batches as there are replicas, of which each gets one. No example is
    read by two workers, and every worker has as many steps as every other.

    A worker reads the batches of its own replicas one after the other.

    Attributes:
        replicas: How many replicas there are in all.
        workers: How many programs read for them, each for as many.
        worker: Which of them this is, from 0.
        whole_batches: Whether every replica gets a whole batch.
    """

    replicas: int = 1
    workers: int = 1
    worker: int = 0
    whole_batches: bool = False

    def rows(self, batch_size: int) -> int:
        """Examples of one replica in a step.

        Raises:
            ValueError: If a batch cannot be divided.
        """
        if self.whole_batches:
            return batch_size
        if batch_size % self.replicas:
            raise ValueError(
                f"batches of {batch_size} examples cannot be divided equally among "
                f"{self.replicas} replicas; choose a multiple of {self.replicas}."
            )
        return batch_size // self.replicas

    def rows_of_all(self, batch_size: int) -> int:
        """Examples of all replicas in a step."""
        return self.rows(batch_size) * self.replicas

    def of(self, examples: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
        """Leaves out what other workers read.

        Args:
            examples: Tuples whose last element is the position: int64 scalar, counted over all
                examples of all steps.
            batch_size: Examples in a batch.
        """
        if self.workers == 1:
            return examples
        step = self.rows_of_all(batch_size)
        own = step // self.workers
        return examples.filter(lambda *example: (example[-1] % step) // own == self.worker)


# All examples, in batches as they are.
WHOLE = BatchShare()
