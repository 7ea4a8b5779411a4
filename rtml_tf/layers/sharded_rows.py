"""The rows of a large matrix, divided among replicas: each holds, moves and saves its own."""

import dataclasses
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import Any

import numpy as np
import tensorflow as tf

from rtml_tf.layers.replicas import num_replicas, replica_index, replicas_here
from rtml_tf.layers.worker_exchange import WorkerExchange

_BLOCK = 16_384  # Rows that are initialized at once.
_CHECKPOINT_KEY = "VARIABLE_VALUE"  # As TensorFlow calls the values of variables.


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

    A checkpoint holds the matrix in one piece and is restored on any number of replicas. Of several
    workers each writes it whole, for which they send each other their shards: every worker needs
    memory for the matrix then, though not on its devices.

    To Keras nothing here is trainable: its optimizers move variables that are the same on every
    replica. `TrainingModel` takes the gradient of `own.rows` and hands it to `descend`.

    Attributes:
        shards: float32 `[N, D]`, the rows (`tf.__internal__.distribute.ShardedVariable`, or of
            several workers `RowsOfWorkers`); `shards.variables` are those of this program.
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
            ValueError: If there are more replicas than rows.
        """
        super().__init__(name=name, trainable=False)
        self.learning_rate, self.momentum = learning_rate, momentum
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if replicas > shape[0]:
            raise ValueError(f"{shape[0]} rows cannot be divided among {replicas} replicas.")
        size, longer = divmod(shape[0], replicas)
        self._first = [r * size + min(r, longer) for r in range(replicas + 1)]
        self._exchange = WorkerExchange(tf.float32)
        begin = self._exchange.index * replicas_here()
        self._here = range(begin, begin + replicas_here())
        self.shards = self._divided(name, shape, initializer, trainable=True)
        self.momenta = None
        if momentum:
            self.momenta = self._divided(f"{name}_momentum", shape, None, trainable=False)

    @property
    def shape(self) -> tf.TensorShape:
        """`[N, D]`, of all shards together."""
        return self.shards.shape

    @property
    def bytes_elsewhere(self) -> int:
        """The size of what other programs hold, which a checkpoint of this one holds as well."""
        rows = self.shape[0] - self._rows_of(self._exchange.index)
        return rows * self.shape[1] * 4 * (1 if self.momenta is None else 2)

    def shards_here(self) -> list[Shard]:
        """What can be read where this is called: on a replica its own shard, between steps all.

        Raises:
            ValueError: Between steps, if other programs have shards.
        """
        if num_replicas() > 1:
            return [self.own]
        if self._exchange.count > 1:
            raise ValueError(
                f"{self.name} is divided among {self._exchange.count} programs, and can be read as "
                "a whole in steps alone."
            )
        return [self._shard(index) for index in self._here]

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
        place = index - self._here.start
        return Shard(
            index=index,
            first=self._first[index],
            rows=self.shards.variables[place],
            momenta=None if self.momenta is None else self.momenta.variables[place],
        )

    def _rows_of(self, worker: int) -> int:
        """How many rows the replicas of a worker hold together."""
        count = len(self._here)
        return self._first[(worker + 1) * count] - self._first[worker * count]

    def _divided(
        self,
        name: str,
        shape: tuple[int, int],
        initializer: tf.keras.initializers.Initializer | None,
        *,
        trainable: bool,
    ) -> Any:
        devices = [None]  # Without a strategy wherever TensorFlow likes.
        if tf.distribute.has_strategy():
            devices = tf.distribute.get_strategy().extended.worker_devices

        def create() -> list[tf.Variable]:
            variables = []
            for shard, device in zip(self._here, devices):
                first, end = self._first[shard : shard + 2]
                with tf.device(device):
                    if initializer is None:
                        value = tf.zeros([end - first, shape[1]])
                    else:
                        value = _initialized(initializer, first=first, end=end, shape=shape)
                    variable = tf.Variable(value, trainable=trainable, name=f"{name}/part_{shard}")
                variables.append(variable)
            return variables

        # The scope of a strategy would put a copy on every replica; it is that of one thread.
        with futures.ThreadPoolExecutor(max_workers=1) as outside:
            variables = outside.submit(create).result()
        if self._exchange.count == 1:
            return tf.__internal__.distribute.ShardedVariable(variables, name=name)
        sizes = [self._rows_of(worker) for worker in range(self._exchange.count)]
        return RowsOfWorkers(variables, sizes=sizes, exchange=self._exchange)


class RowsOfWorkers(tf.__internal__.tracking.Trackable):
    """The rows of a matrix whose other rows are in other programs, in checkpoints as one matrix.

    In a checkpoint it is what a `ShardedVariable` or a `tf.Variable` of the whole matrix is. All
    workers must save at the same time, and all restore.

    Attributes:
        variables: The shards of this program, float32 `[rows, D]`.
        shape: That of the whole matrix.
    """

    def __init__(
        self, variables: Sequence[tf.Variable], *, sizes: Sequence[int], exchange: WorkerExchange
    ):
        """Takes the shards of this program.

        Args:
            variables: In the order of their rows.
            sizes: How many rows each worker has.
            exchange: How they meet.
        """
        self.variables = list(variables)
        self.shape = tf.TensorShape([sum(sizes), variables[0].shape[1]])
        self._sizes, self._exchange = list(sizes), exchange

    def _serialize_to_tensors(self) -> dict[str, tf.Tensor]:
        own = np.concatenate([variable.numpy() for variable in self.variables])
        with tf.device("CPU"):
            whole = tf.constant(self._exchange.joined_rows(own, self._sizes))
        return {_CHECKPOINT_KEY: whole}

    def _restore_from_tensors(self, restored_tensors: dict[str, tf.Tensor]) -> None:
        first = sum(self._sizes[: self._exchange.index])
        for variable in self.variables:
            end = first + variable.shape[0]
            variable.assign(restored_tensors[_CHECKPOINT_KEY][first:end])
            first = end


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
