"""Training batches as the replicas of a strategy get them."""

import math
from typing import Any

import tensorflow as tf

from rtml_tf.data.batch_share import BatchShare
from rtml_tf.data.batches import TrainingBatches


class ReplicatedBatches:
    """Training batches, divided among the replicas of the strategy in force.

    In a step the replicas divide one batch, row by row in order, so that the step is that of one
    device; or each of them gets a whole batch of its own, as many images as there are replicas
    times more. An epoch has the same steps on every worker.

    Attributes:
        steps_per_epoch: Steps in an epoch.
        batch_size: Images of all replicas in a step.
        num_classes: Classes of the data.
        element_spec: The nested `tf.TensorSpec` of what one replica gets.
    """

    def __init__(self, batches: TrainingBatches, *, batch_per_replica: bool = False):
        """Plans the division.

        Args:
            batches: What is divided.
            batch_per_replica: Whether each replica gets a whole batch in each step. An epoch then
                has fewer steps, so that it still goes through the data once.

        Raises:
            ValueError: If a batch cannot be divided.
        """
        self._batches = batches
        self._strategy = tf.distribute.get_strategy()
        replicas = self._strategy.num_replicas_in_sync
        self._batches_per_step = replicas if batch_per_replica else 1
        self.steps_per_epoch = math.ceil(batches.steps_per_epoch / self._batches_per_step)
        self.batch_size = batches.batch_size * self._batches_per_step
        self.num_classes = batches.num_classes
        self.element_spec = batches.element_spec
        if replicas > 1:
            share = BatchShare(replicas=replicas, whole_batches=batch_per_replica)
            self.element_spec = batches.dataset(share=share).element_spec

    def dataset(self, *, start_step: int = 0) -> tf.data.Dataset:
        """What all replicas get, in one batch for each step, from `start_step` on."""
        count = self._batches_per_step
        batches = self._batches.dataset(start_step=start_step * count)
        if count == 1:
            return batches
        return batches.batch(count, drop_remainder=True).map(
            lambda parts: tf.nest.map_structure(_joined, parts)
        )

    def distributed(self, *, start_step: int = 0) -> Any:
        """An iterable that gives each replica its part of each step, from `start_step` on."""
        if not tf.distribute.has_strategy():
            return self._batches.dataset(start_step=start_step)

        def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
            share = BatchShare(
                replicas=context.num_replicas_in_sync,
                workers=context.num_input_pipelines,
                worker=context.input_pipeline_id,
                whole_batches=self._batches_per_step > 1,
            )
            batches = self._batches.dataset(start_step=start_step, share=share)
            # Otherwise the workers would ask each other in every step whether they have one more.
            return batches.apply(
                tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
            )

        return self._strategy.distribute_datasets_from_function(of_worker)


def _joined(parts: tf.Tensor) -> tf.Tensor:
    """`[R, B, ...]` -> `[R B, ...]`."""
    return tf.reshape(parts, [parts.shape[0] * parts.shape[1], *parts.shape[2:]])
