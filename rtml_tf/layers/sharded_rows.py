"""The rows of a large matrix, divided among replicas: each holds, moves and saves its own."""

import dataclasses
from collections.abc import Callable
from concurrent import futures
from typing import Any

import numpy as np
import tensorflow as tf

from rtml_tf.layers.replicas import num_replicas, replica_index

_BLOCK = 16_384  # Rows that are initialized at once.


@dataclasses.dataclass(frozen=True)
class Shard:
    """The part of a matrix that one replica holds.

    Attributes:
        index: The replica's.
        first: The number of its first row in the whole matrix.
        rows: float32 `[rows, D]`.
        momenta: float32 `[rows, D]`, or None.
    """

    index: int
    first: int
    rows: tf.Variable
    momenta: tf.Variable | None


class ShardedRows(tf.keras.layers.Layer):
    """A matrix `[N, D]` that is trained in shards, one on the device of every replica.

    Replica r of R holds N / R consecutive rows (the first N mod R replicas one row more) and their
    momentum, of which no other replica has a copy. Rows move by gradient descent with momentum,

        m <- momentum m - learning_rate g,    w <- w + m,

    as under `tf.keras.optimizers.SGD`; but where the gradient is sparse only rows that have one
    move, and the momentum of the others rests (An et al., CVPR 2022, section 3.3).

    A checkpoint holds the matrix in one piece and is restored on any number of replicas.

    To Keras nothing here is trainable: its optimizers move variables that are the same on every
    replica. `TrainingModel` takes the gradient of `own.rows` and hands it to `descend`.

    Attributes:
        shards: float32 `[N, D]`, the rows (`tf.__internal__.distribute.ShardedVariable`).
        momenta: float32 `[N, D]`, their momentum in the same shards; None without momentum.
        learning_rate: A number, or a function of the step that gives it.
        momentum: In [0, 1).
    """

    def __init__(
        self,
        *,
        shape: tuple[int, int],
        initializer: tf.keras.initializers.Initializer,
        learning_rate: float | Callable[[tf.Tensor], tf.Tensor],
        momentum: float,
        name: str,
    ):
        """Creates the variables, on the replicas of the strategy in force.

        Args:
            shape: N and D.
            initializer: Of the rows; it must know `partition_shape`, as all of Keras do.
            learning_rate: Of the rows.
            momentum: In [0, 1); 0 keeps no momentum, and takes half the memory.
            name: Of the variables.

        Raises:
            ValueError: If there are more replicas than rows, or replicas in other processes.
        """
        super().__init__(name=name, trainable=False)
        self.learning_rate, self.momentum = learning_rate, momentum
        devices = _devices_of_replicas()
        if len(devices) > shape[0]:
            raise ValueError(f"{shape[0]} rows cannot be divided among {len(devices)} replicas.")
        size, longer = divmod(shape[0], len(devices))
        self._first = [r * size + min(r, longer) for r in range(len(devices) + 1)]
        self.shards = self._divided(name, shape, devices, initializer, trainable=True)
        self.momenta = None
        if momentum:
            self.momenta = self._divided(f"{name}_momentum", shape, devices, None, trainable=False)

    @property
    def shape(self) -> tf.TensorShape:
        """`[N, D]`, of all shards together."""
        return self.shards.shape

    def shards_here(self) -> list[Shard]:
        """What can be read where this is called: on a replica its own shard, between steps all."""
        if num_replicas() > 1:
            return [self.own]
        return [self._shard(index) for index in range(len(self._first) - 1)]

    @property
    def own(self) -> Shard:
        """The shard of the replica that asks.

        Raises:
            ValueError: Between steps, where no replica asks, if there are several.
        """
        if len(self._first) > 2 and num_replicas() == 1:
            raise ValueError(
                f"{self.name} is divided among {len(self._first) - 1} replicas, of which only one "
                "that takes a step has a shard of its own."
            )
        return self._shard(replica_index())

    def descend(self, gradient: tf.Tensor | tf.IndexedSlices, *, step: tf.Tensor) -> None:
        """Moves rows of the own shard against their gradient.

        Args:
            gradient: float32, of `own.rows`.
            step: The number of the step, from 0, for a learning rate that changes.
        """
        rate = self.learning_rate
        rate = tf.cast(rate(step) if callable(rate) else rate, tf.float32)
        rows, momenta = self.own.rows, self.own.momenta
        if isinstance(gradient, tf.IndexedSlices):
            indices, gradient = _one_for_each_row(gradient)
            move = -rate * gradient
            if momenta is not None:
                move += self.momentum * tf.gather(momenta, indices)
                momenta.scatter_update(tf.IndexedSlices(move, indices))
            rows.scatter_add(tf.IndexedSlices(move, indices))
        else:
            move = -rate * gradient
            if momenta is not None:
                move += self.momentum * momenta
                momenta.assign(move)
            rows.assign_add(move)

    def _shard(self, index: int) -> Shard:
        return Shard(
            index=index,
            first=self._first[index],
            rows=self.shards.variables[index],
            momenta=None if self.momenta is None else self.momenta.variables[index],
        )

    def _divided(
        self,
        name: str,
        shape: tuple[int, int],
        devices: list[str | None],
        initializer: tf.keras.initializers.Initializer | None,
        *,
        trainable: bool,
    ) -> Any:
        def create() -> Any:
            variables = []
            for shard, device in enumerate(devices):
                first, end = self._first[shard : shard + 2]
                with tf.device(device):
                    if initializer is None:
                        value = tf.zeros([end - first, shape[1]])
                    else:
                        value = _initialized(initializer, first=first, end=end, shape=shape)
                    variable = tf.Variable(value, trainable=trainable, name=f"{name}/part_{shard}")
                variables.append(variable)
            return tf.__internal__.distribute.ShardedVariable(variables, name=name)

        # The scope of a strategy would put a copy on every replica; it is that of one thread.
        with futures.ThreadPoolExecutor(max_workers=1) as outside:
            return outside.submit(create).result()


def _devices_of_replicas() -> list[str | None]:
    """The device of each replica; without a strategy None, wherever TensorFlow likes."""
    if not tf.distribute.has_strategy():
        return [None]
    strategy = tf.distribute.get_strategy()
    devices = list(strategy.extended.worker_devices)
    if len(devices) < strategy.num_replicas_in_sync:
        raise ValueError(
            "rows can be divided among the devices of one process, but of "
            f"{strategy.num_replicas_in_sync} replicas this process has {len(devices)}."
        )
    return devices


def _initialized(
    initializer: tf.keras.initializers.Initializer, *, first: int, end: int, shape: tuple[int, int]
) -> np.ndarray:
    """The rows `first` to `end` of a matrix of this shape, made block by block.

    The blocks are those of the whole matrix, so that a row starts with the same value on any number
    of replicas; and a device never holds more than a block and the shard.
    """
    rows = np.empty([end - first, shape[1]], np.float32)
    for start in range(first - first % _BLOCK, end, _BLOCK):
        stop = min(start + _BLOCK, shape[0])
        values = initializer(
            shape,
            tf.float32,
            partition_shape=(stop - start, shape[1]),
            partition_offset=(start, 0),
        )
        lower, upper = max(start, first), min(stop, end)
        rows[lower - first : upper - first] = values[lower - start : upper - start]
    return rows


def _one_for_each_row(gradient: tf.IndexedSlices) -> tuple[tf.Tensor, tf.Tensor]:
    """Distinct indices and the sum of the slices of each: a loss may have been taken twice."""
    indices, positions = tf.unique(gradient.indices)
    return indices, tf.math.unsorted_segment_sum(gradient.values, positions, tf.size(indices))
