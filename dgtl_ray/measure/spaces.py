"""Reads the design spaces of a network's tasks, each in a process that may be lost."""

import json
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from dgtl_ray.core.algorithms import ALGORITHMS
from dgtl_ray.core.cores import available_cores
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.target_kinds import TARGET_KINDS
from dgtl_ray.core.task import LayerTask
from dgtl_ray.measure.pool import WorkerPool
from dgtl_ray.measure.protocol import Ending, SpaceInput
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.limits import Limits

# More of them take more memory than time is won.
_MOST_PROCESSES = 8


class SpaceReader:
    """Reads design spaces in warm processes of this machine, several at a time.

    It starts warming up when it is made. TVM's rules may abort a process, or never end: that costs
    the task's tuning, and nothing else.

    Args:
        timeout_s: Wall-clock limit of one task.
        memory_limit_bytes: Of one process.
        processes: How many read at once; None for one a core.
        job: `module:factory` of what the workers run.
    """

    def __init__(
        self,
        *,
        timeout_s: float = 120.0,
        memory_limit_bytes: int = 4 << 30,
        processes: int | None = None,
        job: str = "dgtl_ray.measure.space_job:space_job",
    ) -> None:
        self._timeout_s = timeout_s
        self._processes = processes or min(available_cores(), _MOST_PROCESSES)
        self._pool = WorkerPool(
            job,
            processes=self._processes,
            memory_limit_bytes=memory_limit_bytes,
            renew_after_error=False,
        )

    def read(
        self, tasks: Sequence[LayerTask], target: str, algorithms: Collection[str] = ALGORITHMS
    ) -> list[DesignSpace]:
        """The design space of each task, as `read_design_space` reads it.

        One whose process was lost is empty, and says so.

        Raises:
            InputError: The target is of a kind without design spaces, or lacks a limit.
            DgtlError: No process can be started on this machine.
        """
        names = tuple(algorithms)

        def read_one(task: LayerTask) -> DesignSpace:
            return self._read(SpaceInput(task=task, target=target, algorithms=names))

        with ThreadPoolExecutor(self._processes) as threads:
            return list(threads.map(read_one, tasks))

    def _read(self, item: SpaceInput) -> DesignSpace:
        outcome = self._pool.run(item, self._timeout_s)
        if outcome.ending is Ending.DONE:
            space: DesignSpace = outcome.value
            return space
        if outcome.ending is Ending.RAISED:
            raise InputError(outcome.text.removeprefix("InputError: "))
        return DesignSpace(
            kind=TARGET_KINDS[json.loads(item.target)["kind"]],
            sketches=(),
            limits=Limits(),
            untunable=f"the process that read its design space: {outcome.text}",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes it holds."""
        self._pool.close()
