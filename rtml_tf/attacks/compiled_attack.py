"""One attack on one network, compiled: traced once however often it is called."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from rtml_tf.attacks.attack import Attack, Network
from rtml_tf.attacks.objective import Objective
from rtml_tf.layers.replicas import on_each_replica


class CompiledAttack:
    """Runs an attack as one graph, for any batch size, epsilon and seed.

    Under a distribution strategy each replica can attack a batch of its own; replicas do not meet.

    A `tf.function` of one's own that calls an attack needs nothing of this; it is for loops that
    attack batch after batch from Python, as evaluation does. The graph is built from the first
    batch; later ones need the same entries with the same types and image sizes, not the same number
    of images.

    Attributes:
        network: The network under attack, see `Attack.__call__`.
        attack: How to search.
        objective: What to raise.
        trace_count: How often the attack was traced so far: 0 before the first call, then once for
            each replica of this program.
    """

    def __init__(self, *, network: Network, attack: Attack, objective: Objective):
        """Keeps its arguments; nothing is traced before the first call."""
        self.network = network
        self.attack = attack
        self.objective = objective
        self.trace_count = 0
        self._function = None
        self._bounded = True

    def __call__(
        self,
        batch: Mapping[str, tf.Tensor],
        *,
        epsilon: float | tf.Tensor | tf.Variable | None = None,
        seed: tf.Tensor | Sequence[int] | None = None,
    ) -> tf.Tensor:
        """Attacks one batch; arguments, result and errors are those of `Attack.__call__`."""
        return self.on_replicas([batch], epsilon=epsilon, seeds=None if seed is None else [seed])[0]

    def on_replicas(
        self,
        batches: Sequence[Mapping[str, tf.Tensor]],
        *,
        epsilon: float | tf.Tensor | tf.Variable | None = None,
        seeds: Sequence[tf.Tensor | Sequence[int]] | None = None,
    ) -> list[tf.Tensor]:
        """Attacks a batch on each replica of this program, or on some of them.

        Args:
            batches: At most `replicas_here()`.
            epsilon: See `Attack.__call__`.
            seeds: One for each batch.

        Returns:
            What `Attack.__call__` gives for each batch.
        """
        if seeds is None:
            self.attack.check_unseeded(self.objective)
        batches = [{k: tf.convert_to_tensor(v) for k, v in batch.items()} for batch in batches]
        seeds = [(0, 0)] * len(batches) if seeds is None else seeds
        seeds = [tf.cast(tf.convert_to_tensor(seed), tf.int32) for seed in seeds]
        epsilon = self.attack.epsilon_tensor(epsilon)
        bounded = epsilon is not None
        if self._function is None:
            signature = {name: _any_batch_size(name, entry) for name, entry in batches[0].items()}
            self._bounded = bounded
            self._function = self._build(signature, bounded=bounded)
        if bounded != self._bounded:
            raise ValueError(
                "epsilon must be given in every call or in none, as in the first one, got "
                f"{'one' if bounded else 'none'} after {'one' if self._bounded else 'none'}."
            )
        # An unbounded attack has no epsilon, but a graph has a fixed list of arguments.
        epsilon = tf.constant(0.0) if epsilon is None else epsilon
        return self._function([(batch, epsilon, seed) for batch, seed in zip(batches, seeds)])

    def _build(self, signature: dict[str, tf.TensorSpec], *, bounded: bool):
        def attacked(batch, epsilon, seed):
            self.trace_count += 1
            return self.attack(
                self.network,
                batch,
                self.objective,
                epsilon=epsilon if bounded else None,
                seed=seed,
            )

        return on_each_replica(
            attacked, [signature, tf.TensorSpec([], tf.float32), tf.TensorSpec([2], tf.int32)]
        )


def _any_batch_size(name: str, entry: tf.Tensor) -> tf.TensorSpec:
    """The entry's type, with the sizes left open that may differ from batch to batch.

    Networks need the size of images; of other entries only the last axis of a matrix or more (an
    embedding's) is kept, since the batch need not be their first axis.
    """
    if name == "image":
        return tf.TensorSpec([None, *entry.shape[1:]], entry.dtype)
    if entry.shape.rank < 2:
        return tf.TensorSpec([None] * entry.shape.rank, entry.dtype)
    return tf.TensorSpec([None] * (entry.shape.rank - 1) + [entry.shape[-1]], entry.dtype)
