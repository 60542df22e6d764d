"""What a proposer has asked for and been told."""

from collections.abc import Sequence
from statistics import median

import numpy as np

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.search.context import ProposerContext


class Ledger:
    """Every configuration that was proposed or observed, each once.

    Its answers do not depend on the order in which it was told things, so a resumed search goes
    on as if it had never stopped.
    """

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        self._failed: set[bytes] = set()
        self._wrong: set[bytes] = set()
        self._costs_s: dict[bytes, list[float]] = {}
        self._spent_s: dict[bytes, list[float]] = {}

    def __len__(self) -> int:
        """Number of configurations it knows of."""
        return len(self._known)

    def reserve(self, pool: IntArray) -> None:
        """Remember that rows (n × knobs) were proposed."""
        self._known.update(keys_of(pool))

    def record(
        self, pool: IntArray, cost_s: FloatArray, status: Sequence[Status], spent_s: FloatArray
    ) -> None:
        """Remember what became of rows (n × knobs), and how long each took to build and time.

        Raises:
            ValueError: There is not one cost, one status and one time spent for each row.
        """
        if not len(pool) == len(cost_s) == len(status) == len(spent_s):
            raise ValueError(
                f"observed {len(pool)} rows with {len(cost_s)} costs, {len(status)} statuses and"
                f" {len(spent_s)} times spent; give one of each for every row"
            )
        for key, cost, outcome, spent in zip(keys_of(pool), cost_s, status, spent_s, strict=True):
            self._known.add(key)
            self._spent_s.setdefault(key, []).append(float(spent))
            if succeeded(cost, outcome):
                self._costs_s.setdefault(key, []).append(float(cost))
            else:
                self._failed.add(key)
            if outcome is Status.WRONG_RESULT:
                self._wrong.add(key)

    def unknown(self, pool: IntArray) -> IntArray:
        """The rows of `pool` that are new to it, in their order, each once."""
        first: dict[bytes, int] = {}
        for index, key in enumerate(keys_of(pool)):
            if key not in self._known:
                first.setdefault(key, index)
        return pool[list(first.values())]

    def failed(self) -> IntArray:
        """Configurations that never ran, or gave a wrong result, in an order of their own."""
        return rows_of(sorted(self._out()))

    def pending(self) -> IntArray:
        """Configurations that were proposed and not observed yet."""
        return rows_of(sorted(self._known - self._failed - self._costs_s.keys()))

    def spent(self) -> tuple[IntArray, FloatArray]:
        """Configurations that were measured, in an order of their own.

        With each, the median of the seconds that building and timing it took.
        """
        entries = sorted(self._spent_s.items())
        return rows_of([key for key, _ in entries]), np.array([median(s) for _, s in entries])

    def ranked(self) -> tuple[IntArray, FloatArray]:
        """All others that were measured, fastest first, and their median latency in seconds.

        One that failed and ran when it was tried again is among them.
        """
        out = self._out()
        entries = sorted(
            (median(costs_s), key) for key, costs_s in self._costs_s.items() if key not in out
        )
        return rows_of([key for _, key in entries]), np.array([cost_s for cost_s, _ in entries])

    def _out(self) -> set[bytes]:
        """Keys of what counts as failed."""
        return self._wrong | self._failed.difference(self._costs_s)


class Remembering:
    """What proposers share: a ledger of what they asked for and were told.

    Args:
        context: The task.
    """

    def __init__(self, context: ProposerContext) -> None:
        self._context = context
        self._ledger = Ledger()

    def reserve(self, pool: IntArray) -> None:
        """Count configurations as proposed."""
        self._ledger.reserve(pool)

    def observe(
        self, pool: IntArray, cost_s: FloatArray, status: Sequence[Status], spent_s: FloatArray
    ) -> None:
        """Take measurements in; none of these rows is proposed again."""
        self._ledger.record(pool, cost_s, status, spent_s)


def succeeded(cost_s: float, status: Status) -> bool:
    """Whether a measurement tells a latency."""
    return status is Status.OK and bool(np.isfinite(cost_s)) and cost_s > 0


def rows_of(keys: Sequence[bytes]) -> IntArray:
    """The rows with these bytes; (0 × 0) if there are none."""
    flat = np.frombuffer(b"".join(keys), dtype=np.int32)
    return flat.reshape(len(keys), -1 if keys else 0)


def keys_of(pool: IntArray) -> list[bytes]:
    """The bytes of each row."""
    return [row.tobytes() for row in np.ascontiguousarray(pool, dtype=np.int32)]
