"""Nearest neighbours in galleries that are too large to compare everything with everything."""

import importlib
from collections.abc import Iterator
from types import ModuleType

import numpy as np

from rtml_tf.evaluation.neighbours import nearest_neighbours, without_own

# Entries of the table of neighbours that are held at once.
_BLOCK_SIZE = 2**22


class ApproximateSearch:
    """Most of the nearest neighbours, through an index of faiss (Johnson et al. 2019).

    `pip install faiss-cpu` is needed; nothing else here needs it. What a search misses depends on
    the embeddings: a sample of the queries is therefore searched exactly as well, and `describe`
    has the share of their exact neighbours that was found.

    Attributes:
        recall: That share in the search that was made last, in [0, 1]; None before.
    """

    def __init__(
        self,
        *,
        index: str = "IVF1024,Flat",
        parameters: str = "nprobe=32",
        checked_queries: int = 1000,
        seed: int = 0,
    ):
        """Describes the index.

        Args:
            index: As in `faiss.index_factory`. "IVF1024,Flat" divides the gallery into 1024 cells
                and keeps embeddings as they are; "IVF65536,PQ32" keeps 32 bytes of each. Cells want
                at least 39 images each to be placed well.
            parameters: As in `faiss.ParameterSpace`: "nprobe=32" looks into 32 cells.
            checked_queries: How many queries are searched exactly as well; all if there are fewer.
            seed: Draws them.

        Raises:
            ValueError: If faiss is not installed or `checked_queries` is below 1.
        """
        if checked_queries < 1:
            raise ValueError(f"checked_queries must be at least 1, got {checked_queries}.")
        self._faiss = _faiss()
        self._index = index
        self._parameters = parameters
        self._checked_queries = checked_queries
        self._seed = seed
        self.recall: float | None = None

    def __call__(
        self,
        queries: np.ndarray,
        gallery: np.ndarray,
        counts: np.ndarray,
        *,
        own_index: np.ndarray | None = None,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """As `neighbours.nearest_neighbours`; what is not found makes the lists shorter (-1).

        Raises:
            ValueError: If faiss cannot make the index, for example for too small a gallery.
        """
        search = self._built(gallery)
        counts = np.minimum(counts, len(gallery))
        checked = np.random.default_rng(self._seed).permutation(len(queries))
        checked = np.sort(checked[: self._checked_queries])
        exact = _lists(
            nearest_neighbours(
                queries[checked],
                gallery,
                counts[checked],
                own_index=None if own_index is None else own_index[checked],
            ),
            checked,
            counts,
        )
        found = 0
        order = np.argsort(-counts, kind="stable")
        start = 0
        while start < len(order):
            count = int(counts[order[start]])
            rows = order[start : start + max(1, _BLOCK_SIZE // (count + 1))]
            wanted = min(count + (own_index is not None), len(gallery))
            _, neighbours = search.search(queries[rows], wanted)
            neighbours = neighbours.astype(np.int32)
            if own_index is not None:
                neighbours = without_own(neighbours, own_index[rows], count)
            for row, line in zip(rows, neighbours):
                if row in exact:
                    found += len(exact[row] & set(line[: counts[row]].tolist()))
            yield rows, neighbours
            start += len(rows)
        self.recall = found / max(1, sum(map(len, exact.values())))

    def describe(self) -> dict:
        """How was searched, and what share of the exact neighbours was found.

        Returns:
            A dict that JSON can hold.
        """
        return {
            "index": self._index,
            "parameters": self._parameters,
            "checked_queries": self._checked_queries,
            "recall_of_exact": self.recall,
        }

    def _built(self, gallery: np.ndarray):
        faiss = self._faiss
        try:
            index = faiss.index_factory(gallery.shape[1], self._index, faiss.METRIC_INNER_PRODUCT)
            index.train(gallery)
            faiss.ParameterSpace().set_index_parameters(index, self._parameters)
            index.add(gallery)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ValueError(
                f"faiss cannot make the index {self._index!r} with {self._parameters!r} of "
                f"{len(gallery)} embeddings of {gallery.shape[1]} components: {reason}"
            ) from error
        return index


def _lists(
    blocks: Iterator[tuple[np.ndarray, np.ndarray]], queries: np.ndarray, counts: np.ndarray
) -> dict[int, set[int]]:
    """The neighbours of some queries, by the number of the query."""
    lists = {}
    for rows, neighbours in blocks:
        for row, line in zip(queries[rows], neighbours):
            lists[int(row)] = {n for n in line[: counts[row]].tolist() if n >= 0}
    return lists


def _faiss() -> ModuleType:
    try:
        return importlib.import_module("faiss")
    except ImportError as error:
        raise ValueError(
            "approximate search needs the package faiss, which is not installed "
            f"({error}): pip install faiss-cpu."
        ) from error
