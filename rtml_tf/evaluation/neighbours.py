"""Exact nearest neighbours by similarity, in blocks of bounded memory."""

import collections
import contextlib
import itertools
from collections.abc import Iterator, Sequence
from concurrent import futures
from typing import Protocol

import numpy as np
import tensorflow as tf

# 64 MiB of float32: larger blocks are not faster on 2 cores.
DEFAULT_BLOCK_SIZE = 2**24


class NeighbourSearch(Protocol):
    """Another way to find neighbours than `nearest_neighbours`, such as an approximate one."""

    def __call__(
        self,
        queries: np.ndarray,
        gallery: np.ndarray,
        counts: np.ndarray,
        *,
        own_index: np.ndarray | None = None,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """See `nearest_neighbours`."""

    def describe(self) -> dict:
        """How the last search was done, and how good it was, as JSON can hold it."""


def nearest_neighbours(
    queries: np.ndarray,
    gallery: np.ndarray,
    counts: np.ndarray,
    *,
    own_index: np.ndarray | None = None,
    block_size: int = DEFAULT_BLOCK_SIZE,
    devices: Sequence[str] | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Finds the `counts[i]` most similar gallery items of every query `i`, most similar first.

    The similarity is the inner product in float32. Equal similarities are ranked by gallery
    index, lowest first. (The products of a query with two equal gallery items are equal up to
    the rounding of the platform's matrix product, which is the last bit or nothing.)

    Queries are visited in the order of their counts, so that a few queries with many neighbours
    do not make the others pay for them.

    Args:
        queries: float32 `[Q, D]`.
        gallery: float32 `[N, D]`.
        counts: int `[Q]`, how many neighbours each query needs; more than `N` means all.
        own_index: int `[Q]`, the gallery index of the query itself, which is not its neighbour;
            -1 where the query is not in the gallery. None: no query is.
        block_size: Similarities held at once, 4 bytes each; a block has at least one query.
            The largest temporary memory is a small multiple of this.
        devices: Divide the blocks among them; each holds the gallery and a block of its own. None:
            all GPUs, or the CPU if there is none.

    Yields:
        `(rows, neighbours)`: the numbers of `b` queries, int64 `[b]`, and the gallery indices of
        their neighbours, int32 `[b, k]` with `k` the largest count of the block; -1 where the
        gallery has no further neighbour.

    Raises:
        ValueError: If the arguments do not fit each other.
    """
    _check(queries, gallery, counts, own_index, block_size)
    gallery_size = len(gallery)
    counts = np.minimum(counts, gallery_size)
    order = np.argsort(-counts, kind="stable")
    devices = tuple(devices or _accelerators())
    galleries = [_on_device(gallery, device) for device in devices]
    turns = itertools.cycle(zip(devices, galleries))

    def found(rows: np.ndarray, count: int, device: str, gallery: tf.Tensor) -> np.ndarray:
        wanted = min(count + (own_index is not None), gallery_size)
        with tf.device(device):
            neighbours = _most_similar(
                tf.constant(queries[rows], tf.float32), gallery, tf.constant(wanted, tf.int32)
            ).numpy()
        return neighbours if own_index is None else without_own(neighbours, own_index[rows], count)

    with _exact_products(), futures.ThreadPoolExecutor(len(devices)) as searchers:
        searching: collections.deque = collections.deque()
        start = 0
        while start < len(order) or searching:
            if start < len(order) and len(searching) < len(devices):
                count = int(counts[order[start]])
                # The caller's arrays over the neighbours are charged to the block as well.
                size = max(1, block_size // (gallery_size + 8 * count))
                rows = order[start : start + size]
                searching.append((rows, searchers.submit(found, rows, count, *next(turns))))
                start += size
            else:
                rows, block = searching.popleft()
                yield rows, block.result()


def _accelerators() -> list[str]:
    gpus = tf.config.list_logical_devices("GPU")
    return [device.name for device in gpus or tf.config.list_logical_devices("CPU")[:1]]


def _on_device(array: np.ndarray, device: str) -> tf.Tensor:
    with tf.device(device):
        return tf.identity(tf.constant(array, tf.float32))


@contextlib.contextmanager
def _exact_products() -> Iterator[None]:
    """TensorFloat-32 products of recent GPUs keep 10 bits of the mantissa: not an exact search."""
    tensor_float_32 = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(tensor_float_32)


def without_own(neighbours: np.ndarray, own: np.ndarray, count: int) -> np.ndarray:
    """Takes each query's own image out of its neighbours, and closes the gap.

    Args:
        neighbours: int `[b, k]`, gallery indices, -1 where there is none.
        own: int `[b]`, the gallery index of each query itself, -1 for none.
        count: How many neighbours to keep, at most `k`.

    Returns:
        int `[b, count]`, -1 where nothing is left to follow.
    """
    width = neighbours.shape[1]
    is_own = neighbours == own[:, np.newaxis]
    gap = np.where(is_own.any(axis=1), is_own.argmax(axis=1), width)
    column = np.arange(count)
    column = column + (column >= gap[:, np.newaxis])  # [b, count]
    neighbours = np.pad(neighbours, [(0, 0), (0, 1)], constant_values=-1)
    return np.take_along_axis(neighbours, np.minimum(column, width), axis=1)


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([], tf.int32),
    ]
)
def _most_similar(queries: tf.Tensor, gallery: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    similarities = tf.matmul(queries, gallery, transpose_b=True)  # [b, D], [N, D] -> [b, N]
    # top_k puts the lower index of two equal entries first.
    return tf.math.top_k(similarities, count).indices


def _check(
    queries: np.ndarray,
    gallery: np.ndarray,
    counts: np.ndarray,
    own_index: np.ndarray | None,
    block_size: int,
) -> None:
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1]:
        raise ValueError(
            "queries [Q, D] and gallery [N, D] must have the same width D, got shapes "
            f"{queries.shape} and {gallery.shape}."
        )
    if counts.shape != (len(queries),) or (len(counts) and counts.min() < 0):
        raise ValueError(
            f"counts must be {len(queries)} numbers of at least 0, one a query, got an array of "
            f"shape {counts.shape} with values {counts}."
        )
    if own_index is not None and own_index.shape != (len(queries),):
        raise ValueError(
            f"own_index must have one entry for each of {len(queries)} queries, got an array of "
            f"shape {own_index.shape}."
        )
    if own_index is not None and len(own_index) and own_index.max() >= len(gallery):
        raise ValueError(
            f"own_index must be below the gallery's size {len(gallery)}, got {own_index.max()}."
        )
    if block_size < 1:
        raise ValueError(f"block_size must be at least 1, got {block_size}.")
