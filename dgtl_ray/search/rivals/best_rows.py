"""The best rows of a long search over a model."""

import heapq

import numpy as np

from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.search.ledger import keys_of


class BestRows:
    """Keeps the `n` distinct rows with the highest scores of all that it is shown.

    Args:
        n: How many.
        excluded: Rows (m × columns) that it never keeps.
    """

    def __init__(self, n: int, excluded: IntArray) -> None:
        self._n = n
        self._seen = set(keys_of(excluded))
        self._heap: list[tuple[float, bytes]] = []
        self._width = excluded.shape[1]

    def show(self, pool: IntArray, scores: FloatArray) -> bool:
        """Take in rows (m × columns) with scores (m,); whether one of them was kept."""
        kept = False
        full = len(self._heap) == self._n
        worth = scores > self._heap[0][0] if full else np.ones(len(pool), dtype=np.bool_)
        for key, score in zip(keys_of(pool[worth]), scores[worth], strict=True):
            kept |= self._keep(key, float(score))
        return kept

    def rows(self) -> IntArray:
        """The rows kept (at most n × columns), highest score first."""
        best = [key for _, key in sorted(self._heap, key=lambda item: (-item[0], item[1]))]
        return np.frombuffer(b"".join(best), dtype=np.int32).reshape(len(best), self._width)

    def _keep(self, key: bytes, score: float) -> bool:
        if key in self._seen:
            return False
        if len(self._heap) < self._n:
            heapq.heappush(self._heap, (score, key))
        elif score > self._heap[0][0]:
            _, dropped = heapq.heapreplace(self._heap, (score, key))
            self._seen.remove(dropped)
        else:
            return False
        self._seen.add(key)
        return True
