"""Parts of a batch: how large they are, and tensors divided into them."""

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf


def part_sizes(size: int | None, names: Iterable[str]) -> dict[str, int]:
    """Divides a batch as evenly as can be; where it does not go, the first parts get one more.

    Args:
        size: Rows of the batch; None where the graph does not know them.
        names: Names of the parts, in the order of the rows.

    Returns:
        The rows of each part, at least 1.

    Raises:
        ValueError: If the size is not known, or smaller than the number of parts.
    """
    names = list(names)
    if size is None:
        raise ValueError(
            "The size of a batch must be known to divide it; give batches of one size, for example "
            "by dataset.batch(size, drop_remainder=True)."
        )
    if size < len(names):
        raise ValueError(f"A batch of {size} cannot be divided into {len(names)} parts ({names}).")
    each, more = divmod(size, len(names))
    return {name: each + (i < more) for i, name in enumerate(names)}


def split_rows(tensors: Any, rows: Mapping[str, int]) -> dict[str, Any]:
    """Divides nested tensors `[B, ...]` by rows.

    Args:
        tensors: Tensors of one batch, in dicts and lists.
        rows: The rows of each part, together `B`.

    Returns:
        For each part what `tensors` was, of its rows.
    """
    flat = [tf.split(tensor, list(rows.values())) for tensor in tf.nest.flatten(tensors)]
    return {
        name: tf.nest.pack_sequence_as(tensors, [parts[i] for parts in flat])
        for i, name in enumerate(rows)
    }
