"""One attack on one network, compiled: traced once however often it is called."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from rtml_tf.attacks.attack import Attack, Network
from rtml_tf.attacks.objective import Objective


class CompiledAttack:
    """Runs an attack as one graph, for any batch size, epsilon and seed.

    A `tf.function` of one's own that calls an attack needs nothing of this; it is for loops that
    attack batch after batch from Python, as evaluation does. The graph is built from the first
    batch; later ones need the same entries with the same types and image sizes, not the same number
    of images.

    Attributes:
        network: The network under attack, see `Attack.__call__`.
        attack: How to search.
        objective: What to raise.
        trace_count: How often the graph was built so far: 0 before the first call, then 1.
    """

    def __init__(self, *, network: Network, attack: Attack, objective: Objective):
        """Keeps its arguments; nothing is traced before the first call."""
        self.network = network
        self.attack = attack
        self.objective = objective
        self.trace_count = 0
        self._function = None

    def __call__(
        self,
        batch: Mapping[str, tf.Tensor],
        *,
        epsilon: float | tf.Tensor | tf.Variable | None = None,
        seed: tf.Tensor | Sequence[int] | None = None,
    ) -> tf.Tensor:
        """Attacks one batch; arguments, result and errors are those of `Attack.__call__`."""
        if seed is None and self.attack.is_random:
            raise ValueError(
                f"{type(self.attack).__name__} draws random numbers: seed must be int32 [2], got "
                "None."
            )
        batch = {name: tf.convert_to_tensor(entry) for name, entry in batch.items()}
        seed = tf.cast(tf.convert_to_tensor((0, 0) if seed is None else seed), tf.int32)
        epsilon = self.attack.epsilon_tensor(epsilon)
        if self._function is None:
            signature = {name: _any_batch_size(name, entry) for name, entry in batch.items()}
            self._function = self._build(signature, bounded=epsilon is not None)
        # An unbounded attack has no epsilon, but a graph has a fixed list of arguments.
        return self._function(batch, tf.constant(0.0) if epsilon is None else epsilon, seed)

    def _build(self, signature: dict[str, tf.TensorSpec], *, bounded: bool):
        @tf.function(
            input_signature=[
                signature,
                tf.TensorSpec([], tf.float32),
                tf.TensorSpec([2], tf.int32),
            ]
        )
        def attacked(batch, epsilon, seed):
            self.trace_count += 1
            return self.attack(
                self.network,
                batch,
                self.objective,
                epsilon=epsilon if bounded else None,
                seed=seed,
            )

        # A graph, not a function that may build graphs: TensorFlow would take the graphs of many
        # attacks, each built once, for one that is built again and again, and warn.
        return attacked.get_concrete_function()


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
