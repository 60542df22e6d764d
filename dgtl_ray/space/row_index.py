"""Finds rows in a table, many at a time."""

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.sampling import row_keys


class RowIndex:
    """Where each row of a table is.

    Args:
        rows: (n × columns), each once.

    Raises:
        ValueError: Two rows are equal.
    """

    def __init__(self, rows: IntArray) -> None:
        keys = row_keys(rows)
        self._rows = rows
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        twice = np.flatnonzero(self._keys[1:] == self._keys[:-1])
        if len(twice):
            raise ValueError(f"row {rows[self._order[twice[0]]].tolist()} is in the table twice")

    def find(self, pool: IntArray) -> NDArray[np.intp]:
        """(n,) the position of each row (n × columns), -1 where it is not in the table."""
        if not len(self._rows):
            return np.full(len(pool), -1, dtype=np.intp)
        place = np.searchsorted(self._keys, row_keys(pool))
        position = self._order[np.minimum(place, len(self._keys) - 1)]
        same = (self._rows[position] == pool).all(axis=1)
        return np.where(same, position, -1)
