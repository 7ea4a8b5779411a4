"""A network that must not be larger than the place where it is to run allows."""

import tensorflow as tf

from rtml_tf.networks.summary import summarize


def limited(
    *,
    network: tf.keras.Model,
    max_parameters: int | None = None,
    max_multiply_adds: int | None = None,
) -> tf.keras.Model:
    """Returns `network` itself, if it keeps within the limits.

    Args:
        network: A network with one input.
        max_parameters: The most numbers that it may store, trainable or not; None is no limit.
        max_multiply_adds: The most multiply-adds that it may take for one example (see
            `rtml_tf.networks.complexity`); None is no limit.

    Raises:
        ValueError: If a limit is not positive, or is exceeded (the message says by how much), or
            if multiply-adds are limited and depend on the size of the input, which is free.
    """
    summary = summarize(network)
    exceeded = [
        *_excess(summary.parameters, "parameters", max_parameters),
        *_excess(summary.multiply_adds, "multiply_adds", max_multiply_adds),
    ]
    if exceeded:
        raise ValueError(
            f"network {network.name!r} is too large: it has {', and '.join(exceeded)}."
        )
    return network


def _excess(size: int | None, what: str, limit: int | None) -> list[str]:
    """Returns what is to be said about a limit: one phrase, or nothing."""
    if limit is None:
        return []
    if not limit > 0:
        raise ValueError(f"max_{what} must be positive or None, got {limit}.")
    if size is None:
        raise ValueError(f"max_{what} cannot be kept by a network for inputs of any size.")
    if size <= limit:
        return []
    return [
        f"{size:,} {what.replace('_', '-')}, {size - limit:,} ({size / limit - 1.0:.1%}) more than "
        f"max_{what}={limit:,}"
    ]
