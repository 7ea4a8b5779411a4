"""A gallery of clean images, some of which are attacked, and searches in it."""

from collections.abc import Iterator

import numpy as np

from rtml_tf.evaluation.neighbours import DEFAULT_BLOCK_SIZE, nearest_neighbours

# Of the gallery: whom CA- and QA- take from the top of a ranking.
_NEAR_SHARE = 0.01


class RankedImages:
    """Clean embeddings of all images, and the places of those that are attacked.

    Attacked images are called by their number `0..Q-1`, images of the gallery by their place
    `0..N-1`. An image's own clean version is never searched: it stands in no ranking.

    Attributes:
        embeddings: float32 `[N, D]`, clean, at unit length.
        labels: int `[N]`.
        attacked: int64 `[Q]`, the places of the attacked images.
    """

    def __init__(
        self,
        *,
        embeddings: np.ndarray,
        labels: np.ndarray,
        attacked: np.ndarray,
        block_size: int = DEFAULT_BLOCK_SIZE,
    ):
        """Keeps its arguments.

        Args:
            embeddings: float32 `[N, D]`, at unit length.
            labels: int `[N]`.
            attacked: int `[Q]`, places of the attacked images.
            block_size: Similarities held at once (4 bytes each).
        """
        self.embeddings = embeddings
        self.labels = np.asarray(labels)
        self.attacked = np.asarray(attacked, np.int64)
        self._block_size = block_size

    @property
    def clean(self) -> np.ndarray:
        """The clean embeddings of the attacked images, `[Q, D]`."""
        return self.embeddings[self.attacked]

    def any_other(self, seed: tuple[int, ...]) -> np.ndarray:
        """For every attacked image the place of another image, drawn from all; int64 `[Q]`."""
        drawn = self._drawn(len(self.embeddings) - 1, seed)
        return drawn + (drawn >= self.attacked)

    def any_near(self, seed: tuple[int, ...]) -> np.ndarray:
        """The place of one of the nearest images, drawn from the first 1 % of the ranking.

        At least the nearest one is among them. int64 `[Q]`.
        """
        near = max(1, int(_NEAR_SHARE * len(self.embeddings)))
        return self.at_rank(self.clean, self._drawn(near, seed))

    def at_rank(self, queries: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """The places of the images at some rank of each ranking, 0 being the first.

        Args:
            queries: float32 `[Q, D]`, the attacked images as they are now.
            ranks: int `[Q]`.

        Returns:
            int64 `[Q]`.
        """
        found = np.empty(len(queries), np.int64)
        for rows, neighbours in nearest_neighbours(
            queries,
            self.embeddings,
            ranks + 1,
            own_index=self.attacked,
            block_size=self._block_size,
        ):
            found[rows] = neighbours[np.arange(len(rows)), ranks[rows]]
        return found

    def nearest(self, count: int, *, of_own_class: bool) -> np.ndarray:
        """For every attacked image the nearest ones of its own class, or of all others.

        Args:
            count: How many.
            of_own_class: Which.

        Returns:
            int64 `[Q, count]`, nearest first; where there are fewer, the nearest one again.
        """
        own_labels = self.labels[self.attacked]
        found = np.empty((len(self.attacked), count), np.int64)
        for rows, similarities in self._similarities(self.clean):
            is_own = own_labels[rows, np.newaxis] == self.labels
            similarities[is_own != of_own_class] = -np.inf
            similarities[np.arange(len(rows)), self.attacked[rows]] = -np.inf
            last = min(count, len(self.embeddings)) - 1
            ranked = np.argpartition(-similarities, last, axis=1)[:, : last + 1]
            values = np.take_along_axis(similarities, ranked, axis=1)
            order = np.argsort(-values, axis=1)
            ranked, values = (np.take_along_axis(x, order, axis=1) for x in (ranked, values))
            found[rows, : last + 1] = np.where(np.isfinite(values), ranked, ranked[:, :1])
            found[rows, last + 1 :] = ranked[:, :1]
        return found

    def recall_at_1(self, queries: np.ndarray) -> float:
        """The share of attacked images, as they are now, whose nearest image is of their class."""
        nearest = self.at_rank(queries, np.zeros(len(queries), np.int64))
        return float(np.mean(self.labels[nearest] == self.labels[self.attacked]))

    def nearer(
        self, queries: np.ndarray, candidates: np.ndarray, *, left_out: np.ndarray
    ) -> np.ndarray:
        """How many images of the gallery stand before each candidate in its query's ranking.

        Args:
            queries: float32 `[Q, D]`.
            candidates: float32 `[Q, D]`, one for each query.
            left_out: int `[Q, K]`, places that do not count: of the query and of the candidate.

        Returns:
            int64 `[Q]`, at most `N - K`.
        """
        counts = np.empty(len(queries), np.int64)
        for rows, similarities in self._similarities(queries):
            of_candidate = np.einsum("qd,qd->q", queries[rows], candidates[rows])
            before = similarities > of_candidate[:, np.newaxis]  # [b, N]
            not_counted = np.take_along_axis(before, left_out[rows], axis=1)
            counts[rows] = before.sum(axis=1) - not_counted.sum(axis=1)
        return counts

    def _similarities(self, queries: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Numbers of some queries, and their similarities to the whole gallery, `[b, N]`."""
        size = max(1, self._block_size // len(self.embeddings))
        for start in range(0, len(queries), size):
            rows = np.arange(start, min(start + size, len(queries)))
            yield rows, queries[rows] @ self.embeddings.T

    def _drawn(self, below: int, seed: tuple[int, ...]) -> np.ndarray:
        """Numbers in `[0, below)`, one for each attacked image."""
        # Raw bits are promised to stay the same in every version of NumPy.
        raw = np.random.Philox(np.random.SeedSequence(seed)).random_raw(len(self.attacked))
        return (raw % np.uint64(below)).astype(np.int64)
