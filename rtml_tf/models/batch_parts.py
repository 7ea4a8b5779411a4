"""Parts of a batch: how large they are, and tensors divided into them."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf


def part_sizes(size: int | None, fewest: Mapping[str, int]) -> dict[str, int]:
    """Divides a batch as evenly as can be; where it does not go, the first parts get one more.

    Args:
        size: Rows of the batch; None where the graph does not know them.
        fewest: The fewest rows that each part can do with, at least 1, by name, in the order of
            the rows.

    Returns:
        The rows of each part.

    Raises:
        ValueError: If the size is not known, or too small for a part.
    """
    if size is None:
        raise ValueError(
            "The size of a batch must be known to divide it, got None; give batches of one size, "
            "for example by dataset.batch(size, drop_remainder=True)."
        )
    each, more = divmod(size, len(fewest))
    sizes = {name: each + (i < more) for i, name in enumerate(fewest)}
    if any(sizes[name] < rows for name, rows in fewest.items()):
        raise ValueError(
            f"The parts of a batch must have at least {dict(fewest)} rows, got a batch of {size} "
            f"with parts of {sizes}."
        )
    return sizes


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
