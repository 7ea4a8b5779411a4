"""The worker whose end has stopped the others, by name."""

import contextlib
import re
from collections.abc import Iterator

import tensorflow as tf


class WorkerLostError(ConnectionError):
    """Another worker has ended or failed in the middle of the work.

    Attributes:
        index: Which one.
    """

    def __init__(self, index: int, address: str, reason: str):
        """Names the worker.

        Args:
            index: Of the worker, from 0.
            address: Its `host:port`.
            reason: What TensorFlow has seen of it.
        """
        super().__init__(
            f"worker {index} ({address}) is gone or has failed; its own output says why. The same "
            f"commands on all workers go on from the last checkpoint. TensorFlow says: {reason}"
        )
        self.index = index


@contextlib.contextmanager
def lost_workers_named() -> Iterator[None]:
    """Runs a block; where TensorFlow fails because of another worker, the error names it.

    Raises:
        WorkerLostError: If another worker is gone.
    """
    try:
        yield
    except tf.errors.OpError as error:
        lost = _lost_worker(str(error))
        if lost is None:
            raise
        raise lost from error


def _lost_worker(message: str) -> WorkerLostError | None:
    resolver = tf.distribute.get_strategy().cluster_resolver
    if resolver is None or not resolver.task_type:
        return None
    addresses = resolver.cluster_spec().job_tasks("worker")
    tasks = re.findall(r"/job:worker/(?:replica:\d+/)?task:(\d+)", message)
    others = [int(task) for task in tasks if int(task) != resolver.task_id]
    if not others:
        return None
    return WorkerLostError(others[0], addresses[others[0]], message.splitlines()[0])
