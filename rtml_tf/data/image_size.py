"""Sizes of images as people write them."""

from collections.abc import Sequence


def checked_size(name: str, value: Sequence[int]) -> tuple[int, int]:
    """Returns `(height, width)` in pixels.

    Args:
        name: The argument that the error names.
        value: What was given.

    Raises:
        ValueError: If `value` is not two whole numbers above 0.
    """
    size = tuple(value) if isinstance(value, Sequence) else (value,)
    if len(size) != 2 or not all(isinstance(n, int) and n > 0 for n in size):
        raise ValueError(f"{name} must be (height, width) in pixels, got {value!r}.")
    return size
