"""The number of images that an exported file takes at once."""


def checked_batch_size(value: int | None) -> int | None:
    """Returns `value`.

    Raises:
        ValueError: If it is neither None nor at least 1.
    """
    if value is not None and value < 1:
        raise ValueError(f"batch_size must be at least 1, or None for any, got {value}.")
    return value
