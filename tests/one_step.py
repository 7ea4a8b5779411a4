"""One training step on one device or on two replicas, for tests that compare them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from rtml_tf.models.training_model import TrainingModel


def updates(
    build: Callable[[], TrainingModel],
    batch: Any,
    strategy: tf.distribute.Strategy | None = None,
    *,
    in_graph: bool = False,
) -> list[np.ndarray]:
    """What one step changes in a model, its optimizers and running means left out.

    Args:
        build: Makes the model, compiled and prepared, always with the same weights.
        batch: Nested tensors `[B, ...]`; with a strategy each replica takes its rows, in order.
        strategy: Where the replicas are; `None`: one device.
        in_graph: Whether the step is a graph, as in training; eagerly it is sooner ready.

    Returns:
        The change of each floating weight.
    """
    strategy = tf.distribute.get_strategy() if strategy is None else strategy

    def rows(context: tf.distribute.ReplicaContext, tensor: tf.Tensor) -> tf.Tensor:
        return tf.split(tensor, context.num_replicas_in_sync)[context.replica_id_in_sync_group]

    with strategy.scope():
        tf.keras.utils.set_random_seed(0)
        model = build()
        left_out = {id(v) for metric in model.metrics for v in metric.variables}
        weights = [w for w in model.weights if w.dtype.is_floating and id(w) not in left_out]
        before = [weight.numpy() for weight in weights]
        parts = tf.nest.map_structure(
            lambda tensor: strategy.experimental_distribute_values_from_function(
                lambda context: rows(context, tensor)
            ),
            batch,
        )
        step = tf.function(model.train_step) if in_graph else model.train_step
        strategy.run(step, args=(parts,))
        return [weight.numpy() - old for weight, old in zip(weights, before)]
