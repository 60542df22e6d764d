"""A recorded task: what building and timing each configuration of a table gave, and cost."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import FloatArray
from dgtl_ray.space import TableSpace


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordedTable:
    """A task that needs no hardware: every measurement of it is known.

    Attributes:
        name: For people.
        task_key: Tells tasks apart; the same for one task on different devices.
        device: Where it was measured.
        space: Its configurations.
        cost_s: Latency (n,) of each row of the space in seconds, NaN where it failed.
        status: How each row ended.
        compile_s: Seconds (n,) that building took.
        benchmark_s: Seconds (n,) that timing took.
    """

    name: str
    task_key: str
    device: DeviceDescriptor
    space: TableSpace
    cost_s: FloatArray
    status: tuple[Status, ...]
    compile_s: FloatArray
    benchmark_s: FloatArray

    def __post_init__(self) -> None:
        lengths = {len(self.cost_s), len(self.status), len(self.compile_s), len(self.benchmark_s)}
        if lengths != {self.space.size}:
            raise ValueError(f"{self.name}: columns of {lengths} rows for {self.space.size} rows")
        if not np.isfinite(self.cost_s).any():
            raise InputError(f"{self.name}: no configuration of it ever ran, so there is no best")

    @property
    def optimum_s(self) -> float:
        """Latency of the fastest configuration."""
        return float(np.nanmin(self.cost_s))

    @property
    def spent_s(self) -> FloatArray:
        """Seconds (n,) that building and timing took."""
        return self.compile_s + self.benchmark_s

    def as_source(self, target: TableSpace, rows: NDArray[np.intp]) -> SourceTask:
        """Some of its rows as source knowledge for a task whose space is `target`.

        Raises:
            InputError: The rows cannot be told in the columns of `target`.
        """
        pool = self.space.rows[rows]
        return SourceTask(
            name=self.name,
            encoding=target.encode_related(self.space, pool, self.device),
            cost_s=self.cost_s[rows],
            device=self.device,
            task_key=self.task_key,
        )
