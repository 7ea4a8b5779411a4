"""A smaller sample of what is to be evaluated, the same in every call."""

import numpy as np


def stratified_sample(
    strata: np.ndarray, limit: int | None, *, seed: int = 0, name: str = "limit"
) -> np.ndarray:
    """Draws examples without replacement, as equally many of every stratum as there are.

    With one stratum it is a plain random sample: the mean over it estimates the mean over all.

    Args:
        strata: int `[N]`, the stratum of each example.
        limit: How many to draw. `None`, or more than `N`: all.
        seed: Non-negative.
        name: What error messages call the limit.

    Returns:
        int64 `[min(limit, N)]`, rising numbers of examples.

    Raises:
        ValueError: If `limit` is below the number of strata (one would be missing), or `seed` is
            negative.
    """
    strata = np.asarray(strata)
    smallest = len(np.unique(strata))
    if limit is not None and limit < smallest:
        raise ValueError(
            f"{name} must be at least {smallest}, one of each kind to draw from, got {limit}."
        )
    if seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}.")
    if limit is None or limit >= len(strata):
        return np.arange(len(strata))
    # Raw bits are promised to stay the same in every version of NumPy.
    order = np.argsort(np.random.Philox(np.random.SeedSequence(seed)).random_raw(len(strata)))
    by_stratum = order[np.argsort(strata[order], kind="stable")]
    _, first, sizes = np.unique(strata[by_stratum], return_index=True, return_counts=True)
    place = np.empty(len(strata), np.int64)  # Of each example among the drawn of its stratum.
    place[by_stratum] = np.arange(len(strata)) - np.repeat(first, sizes)
    # The first of every stratum, then the second of every one, and so on.
    return np.sort(order[np.argsort(place[order], kind="stable")][:limit])
