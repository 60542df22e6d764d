"""A design space that is a finite table: some rows of a product of named knobs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.knob_space import KnobSpace
from dgtl_ray.space.row_index import RowIndex
from dgtl_ray.space.table_knob import TableKnob


class TableSpace(KnobSpace):
    """Rows over named knobs; what is not in the table is not feasible.

    Args:
        knobs: The choices, in the order of the columns.
        rows: (n × knobs) indices of the levels of every allowed configuration, each once.

    Raises:
        ValueError: The rows do not fit the knobs, or one comes twice.
    """

    def __init__(self, knobs: Sequence[TableKnob], rows: IntArray) -> None:
        super().__init__(knobs)
        if rows.ndim != 2 or rows.shape[1] != len(self.knobs):
            raise ValueError(f"rows have shape {rows.shape}; allowed is (n × {len(self.knobs)})")
        sketch = np.zeros((len(rows), 1), dtype=np.int32)
        self.rows: IntArray = np.concatenate([sketch, rows], axis=1).astype(np.int32)
        self._index = RowIndex(self.rows)

    @property
    def size(self) -> int:
        """Number of configurations."""
        return len(self.rows)

    def sample(self, n: int, rng: np.random.Generator) -> IntArray:
        """At most `n` distinct configurations, in random order; fewer only where there are."""
        return self.rows[rng.permutation(len(self.rows))[:n]]

    def feasible(self, pool: IntArray) -> NDArray[np.bool_]:
        """(n,) which rows are in the table."""
        return self.index_of(pool) >= 0

    def index_of(self, pool: IntArray) -> NDArray[np.intp]:
        """(n,) where in the table each row is, -1 where it is not."""
        return self._index.find(pool)

    def _draw(self, n: int, rng: np.random.Generator) -> IntArray:
        """(n × width): random rows, the same one perhaps more than once."""
        drawn: IntArray = self.rows[rng.integers(0, len(self.rows), size=n)]
        return drawn
