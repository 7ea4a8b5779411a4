"""Checks of the numbers that losses are built from; every message names the argument."""

import math
import numbers


def positive(name: str, value: float) -> float:
    """Returns `value` as a float.

    Raises:
        ValueError: If `value` is not a finite number above 0.
    """
    if not _is_finite_number(value) or value <= 0:
        raise ValueError(f"{name} must be a number above 0, got {value!r}.")
    return float(value)


def non_negative(name: str, value: float) -> float:
    """Returns `value` as a float.

    Raises:
        ValueError: If `value` is not a finite number of at least 0.
    """
    if not _is_finite_number(value) or value < 0:
        raise ValueError(f"{name} must be a number of at least 0, got {value!r}.")
    return float(value)


def within(name: str, value: float, low: float, high: float) -> float:
    """Returns `value` as a float.

    Raises:
        ValueError: If `value` is not a number in `[low, high]`.
    """
    if not _is_finite_number(value) or not low <= value <= high:
        raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {value!r}.")
    return float(value)


def integer_from(name: str, value: int, low: int) -> int:
    """Returns `value` as an int.

    Raises:
        ValueError: If `value` is not an integer of at least `low`.
    """
    integral = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not integral or value < low:
        raise ValueError(f"{name} must be an integer of at least {low}, got {value!r}.")
    return int(value)


def _is_finite_number(value: object) -> bool:
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_number and math.isfinite(value)
