"""How long one image takes."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def call_times(call: Callable[[], Any], *, warm_up: int, runs: int) -> list[float]:
    """The wall times of calls, in milliseconds.

    Args:
        call: Returns when the result is there.
        warm_up: Calls that are not measured, which may allocate and compile.
        runs: Calls that are.
    """
    for _ in range(warm_up):
        call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def latency(call: Callable[[], Any], *, warm_up: int, runs: int) -> dict[str, float]:
    """Median and 95th percentile of the wall time of a call.

    Args:
        call: As in `call_times`, like the others.
        warm_up: Calls that are not measured.
        runs: Calls that are.

    Returns:
        `median_ms` and `p95_ms`, in milliseconds.
    """
    times = call_times(call, warm_up=warm_up, runs=runs)
    return {"median_ms": float(np.median(times)), "p95_ms": float(np.percentile(times, 95))}


class LatencyMeasurement:
    """How a latency is measured.

    Attributes:
        threads: Numbers of threads that files are run with where that can be chosen.
    """

    def __init__(self, *, threads: Sequence[int] = (1, 2), warm_up: int = 10, runs: int = 100):
        """Sets the numbers.

        Args:
            threads: Numbers of threads.
            warm_up: Calls that are not measured.
            runs: Calls that are.

        Raises:
            ValueError: If a number is out of range.
        """
        if not threads or min(threads) < 1:
            raise ValueError(f"threads must hold numbers of at least 1, got {tuple(threads)}.")
        if warm_up < 0 or runs < 1:
            raise ValueError(
                f"warm_up must be at least 0 and runs at least 1, got {warm_up} and {runs}."
            )
        self.threads = tuple(threads)
        self._warm_up, self._runs = warm_up, runs

    def measure(self, call: Callable[[], Any]) -> dict[str, float]:
        """As `latency`."""
        return latency(call, warm_up=self._warm_up, runs=self._runs)
