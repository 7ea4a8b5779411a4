"""What the replicas of a distribution strategy tell each other in the middle of a step."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

_ALONE = threading.local()


def num_replicas() -> int:
    """How many replicas run the code that calls this at the same time; 1 without a strategy.

    In cross-replica context (saving) nothing runs side by side, and in `on_each_replica` replicas
    do not meet: 1 as well.
    """
    if getattr(_ALONE, "now", False):
        return 1
    if not tf.distribute.in_cross_replica_context():
        return tf.distribute.get_strategy().num_replicas_in_sync
    return 1


def replica_index() -> int:
    """Which replica runs the code that calls this, from 0; 0 where `num_replicas` is 1."""
    if num_replicas() == 1:
        return 0
    context = tf.distribute.get_replica_context()
    return int(tf.get_static_value(context.replica_id_in_sync_group))


def gather_rows(tensors: Any, *, gradient_weight: float = 1.0) -> Any:
    """The rows of all replicas, in the order of the replicas, on every replica.

    Every replica is taken to compute the same function of them. The gradient that arrives is then
    the same everywhere, and a replica keeps the part that belongs to its own rows: the exact
    gradient, without a second exchange. (The gradient of `all_gather` in TensorFlow sums over
    replicas what arrives, which is that times the number of replicas.)

    Not to be called inside a loop, a branch or a nested `tf.function`: TensorFlow lets replicas
    meet in the outermost graph alone.

    Args:
        tensors: Nested tensors `[B, ...]`, of the same shapes on every replica.
        gradient_weight: What the gradient is multiplied by. Where a training step divides its loss
            by the number of replicas R, because the replicas' gradients are summed, it is R.

    Returns:
        Nested tensors `[R B, ...]`; without replicas `tensors` itself.
    """
    if num_replicas() == 1:
        return tensors
    return tf.nest.map_structure(lambda x: _gathered(x, gradient_weight), tensors)


def summed_gradient(tensor: tf.Tensor) -> tf.Tensor:
    """The tensor itself, with the sum of its gradients on all replicas for its gradient.

    For a tensor that is the same on every replica, such as gathered rows, where each replica
    computes another part of one loss from it.
    """
    if num_replicas() == 1:
        return tensor
    context = tf.distribute.get_replica_context()

    @tf.custom_gradient
    def same(value: tf.Tensor):
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return context.all_reduce(tf.distribute.ReduceOp.SUM, upstream)

        return tf.identity(value), gradient

    return same(tensor)


def mean_over_replicas(value: tf.Tensor) -> tf.Tensor:
    """The mean of a tensor over replicas, as a constant; without replicas the tensor's value."""
    value = tf.stop_gradient(value)
    if num_replicas() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, value)


def replicas_here() -> int:
    """How many replicas of the strategy in force this program runs; 1 without a strategy."""
    if not tf.distribute.has_strategy():
        return 1
    return len(tf.distribute.get_strategy().extended.worker_devices)


def on_each_replica(
    function: Callable[..., Any], signature: Sequence[Any]
) -> Callable[[Sequence[Sequence[Any]]], list[Any]]:
    """A function as a graph that each replica of this program runs on arguments of its own.

    Replicas do not meet in it: what the function computes is what it computes without a strategy.
    It is traced when the graph is made, on every replica, and must not make variables.

    Args:
        function: Of nested tensors, to nested tensors.
        signature: The nested `tf.TensorSpec` of each of its arguments.

    Returns:
        The arguments of at most `replicas_here()` calls to as many results, in order.
    """
    strategy = tf.distribute.get_strategy()
    count = replicas_here()

    @tf.function(input_signature=[[list(signature)] * count])
    def run(arguments):
        def of_replica():
            own = arguments[replica_index() % count]
            with _alone():
                return function(*own)

        results = strategy.run(of_replica)
        parts = [strategy.experimental_local_results(x) for x in tf.nest.flatten(results)]
        return [tf.nest.pack_sequence_as(results, list(part)) for part in zip(*parts)]

    graph = run.get_concrete_function()

    def call(arguments: Sequence[Sequence[Any]]) -> list[Any]:
        # Replicas without arguments repeat those of the last one.
        arguments = [list(x) for x in arguments]
        padded = arguments + arguments[-1:] * (count - len(arguments))
        return graph(padded)[: len(arguments)]

    return call


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """A block of which the replica that runs it does not know that there are others."""
    before = getattr(_ALONE, "now", False)
    _ALONE.now = True
    try:
        yield
    finally:
        _ALONE.now = before


def _gathered(tensor: tf.Tensor, gradient_weight: float) -> tf.Tensor:
    context = tf.distribute.get_replica_context()
    devices = tf.distribute.get_strategy().extended.worker_devices
    size = tf.convert_to_tensor(tensor).shape[0]

    @tf.custom_gradient
    def gathered(rows: tf.Tensor):
        # A worker of one device finds it by that of the tensor, which in a graph may have none.
        with tf.device(devices[0] if len(devices) == 1 else None):
            rows = tf.identity(rows)
        everything = context.all_gather(rows, axis=0)
        if size is not None:
            everything = tf.ensure_shape(everything, [num_replicas() * size, *rows.shape[1:]])

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            count = tf.shape(rows)[0]
            first = context.replica_id_in_sync_group * count
            upstream = tf.convert_to_tensor(upstream)  # It may be sparse.
            return tf.cast(gradient_weight, upstream.dtype) * upstream[first : first + count]

        return everything, gradient

    return gathered(tensor)
