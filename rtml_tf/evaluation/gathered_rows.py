"""Rows of a table that are gathered part by part."""

import numpy as np


class GatheredRows:
    """`table[rows]`, of which only what is asked for is made.

    An image of the table that stands in many rows is then held once.
    """

    def __init__(self, table: np.ndarray, rows: np.ndarray):
        """Keeps its arguments.

        Args:
            table: `[N, ...]`.
            rows: int `[R, ...]`, in `[0, N)`.
        """
        self._table = table
        self._rows = rows

    def __getitem__(self, part: slice) -> np.ndarray:
        """`table[rows[part]]`."""
        return self._table[self._rows[part]]
