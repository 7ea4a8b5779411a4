"""The programs that run one strategy together, and what each of them has, on all of them."""

import numpy as np
import tensorflow as tf

from rtml_tf.layers.replicas import gather_rows, replicas_here


def place_among_workers() -> tuple[int, int]:
    """`(index, count)`: which of the strategy's workers this program is, and how many there are."""
    resolver = tf.distribute.get_strategy().cluster_resolver
    if resolver is None or not resolver.task_type:
        return 0, 1
    return resolver.task_id, resolver.cluster_spec().num_tasks("worker")


class WorkerExchange:
    """Gives every worker what all workers have; without workers what there is.

    Every worker must exchange as often as every other, in the same order.

    Attributes:
        index: Which of the workers this program is, from 0.
        count: How many there are.
    """

    def __init__(self, dtype: tf.DType):
        """Prepares the exchange of matrices.

        Args:
            dtype: Of their entries.
        """
        self.index, self.count = place_among_workers()
        self._dtype = dtype
        self._strategy = tf.distribute.get_strategy()
        self._gather = tf.function(
            lambda values: self._strategy.run(lambda: gather_rows(values[tf.newaxis])),
            input_signature=[tf.TensorSpec([None, None], dtype)],
        )

    def gathered(self, matrix: np.ndarray) -> np.ndarray:
        """`[N, M]`, the same shape on every worker, to `[count, N, M]` in the order of workers."""
        matrix = np.asarray(matrix, self._dtype.as_numpy_dtype)
        if self.count == 1:
            return matrix[np.newaxis]
        values = self._gather(tf.constant(matrix))
        # One for each replica of each worker.
        values = self._strategy.experimental_local_results(values)[0].numpy()
        return values[:: replicas_here()]

    def joined_rows(self, matrix: np.ndarray, sizes: list[int]) -> np.ndarray:
        """The rows of all workers.

        Args:
            matrix: `[sizes[index], M]`.
            sizes: How many rows each worker has.

        Returns:
            `[sum(sizes), M]`, in the order of workers.
        """
        padded = np.pad(matrix, [(0, max(sizes) - len(matrix)), (0, 0)])
        return np.concatenate([x[:size] for x, size in zip(self.gathered(padded), sizes)])
