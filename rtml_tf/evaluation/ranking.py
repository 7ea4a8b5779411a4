"""Recall@k, R-precision and MAP@R of a ranked gallery."""

import functools
from collections.abc import Sequence

import numpy as np
from absl import logging

from rtml_tf.evaluation.neighbours import DEFAULT_BLOCK_SIZE, NeighbourSearch, nearest_neighbours


def ranking_figures(
    queries: np.ndarray,
    labels: np.ndarray,
    gallery: np.ndarray,
    gallery_labels: np.ndarray,
    *,
    own_index: np.ndarray,
    recall_at: Sequence[int],
    block_size: int = DEFAULT_BLOCK_SIZE,
    search: NeighbourSearch | None = None,
) -> dict[str, float]:
    """Ranks the gallery for every query by inner product and measures the ranking.

    The figures, and what counts as a query, are defined in `retrieval.retrieval_figures`.

    Args:
        queries: float32 `[Q, D]`.
        labels: int `[Q]`.
        gallery: float32 `[N, D]`.
        gallery_labels: int `[N]`.
        own_index: int `[Q]`, the gallery index of each query's own image, -1 for none.
        recall_at: The `k` of `recall@k`.
        block_size: Similarities held at once (4 bytes each).
        search: Finds the neighbours; None: `nearest_neighbours`, exactly.

    Returns:
        `recall@k` for every `k`, `map@r`, `r_precision` and `query_share`.

    Raises:
        ValueError: If `own_index` does not fit, or no query has a match.
    """
    relevant = _relevant_counts(labels, gallery_labels, own_index)
    matchable = np.flatnonzero(relevant)
    if matchable.size == 0:
        raise ValueError(
            f"No query can be answered: none of {len(queries)} queries has another image of its "
            f"class among the {len(gallery)} images of the gallery."
        )
    if matchable.size < len(queries):
        logging.info(
            "Retrieval: %d of %d images are the only ones of their class and no queries.",
            len(queries) - len(matchable),
            len(queries),
        )
    labels, relevant = labels[matchable], relevant[matchable]
    search = search or functools.partial(nearest_neighbours, block_size=block_size)
    totals = {f"recall@{k}": 0.0 for k in recall_at} | {"map@r": 0.0, "r_precision": 0.0}
    for rows, neighbours in search(
        queries[matchable],
        gallery,
        np.maximum(relevant, max(recall_at)),
        own_index=own_index[matchable],
    ):
        match = (gallery_labels[neighbours] == labels[rows, np.newaxis]) & (neighbours >= 0)
        for k in recall_at:
            totals[f"recall@{k}"] += match[:, :k].any(axis=1).sum()
        r = relevant[rows, np.newaxis]  # [b, 1]
        rank = np.arange(1, match.shape[1] + 1)
        match &= rank <= r
        found = np.cumsum(match, axis=1, dtype=np.int32)
        totals["r_precision"] += (found[:, -1:] / r).sum()
        totals["map@r"] += (np.where(match, found / rank, 0.0).sum(axis=1) / r[:, 0]).sum()
    figures = {name: float(total / len(matchable)) for name, total in totals.items()}
    return figures | {"query_share": len(matchable) / len(queries)}


def _relevant_counts(
    labels: np.ndarray, gallery_labels: np.ndarray, own_index: np.ndarray
) -> np.ndarray:
    """`R` of every query: gallery images of its class that are not the query itself."""
    if own_index.shape != labels.shape or own_index.max() >= len(gallery_labels):
        raise ValueError(
            f"own_index must hold {len(labels)} gallery indices below {len(gallery_labels)}, got "
            f"an array of shape {own_index.shape} with maximum {own_index.max(initial=-1)}."
        )
    has_own = own_index >= 0
    wrong = has_own & (gallery_labels[own_index] != labels)
    if wrong.any():
        query = int(np.argmax(wrong))
        raise ValueError(
            f"own_index must name the query's own image, but query {query} has label "
            f"{labels[query]} and gallery image {own_index[query]} has label "
            f"{gallery_labels[own_index[query]]}."
        )
    classes, sizes = np.unique(gallery_labels, return_counts=True)
    place = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    return np.where(classes[place] == labels, sizes[place], 0) - has_own
