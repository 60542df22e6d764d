"""Builds candidates on this machine."""

import time

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import NOTHING, BuildInput, BuildResult
from dgtl_ray.measure.patience import Patience
from dgtl_ray.measure.pool import WorkerPool
from dgtl_ray.measure.protocol import Ending

_STATUS = {
    Ending.DONE: Status.OK,
    Ending.RAISED: Status.BUILD_ERROR,
    Ending.LOST: Status.BUILD_ERROR,
    Ending.ORPHANED: Status.BUILD_ERROR,
    Ending.TIMED_OUT: Status.BUILD_TIMEOUT,
}


class LocalBuilder:
    """Builds candidates in warm processes of this machine (the `Builder` role).

    It starts warming up when it is made. Thread-safe: up to `processes` threads build at once.

    Args:
        timeout_s: Wall-clock limit of one build; less once it is known what builds take.
        memory_limit_bytes: Of one build process.
        processes: How many builds can run at once.
        job: `module:factory` of what the workers run.
    """

    def __init__(
        self,
        *,
        timeout_s: float = 30.0,
        memory_limit_bytes: int = 4 << 30,
        processes: int = 1,
        job: str = "dgtl_ray.measure.build_job:build_job",
    ) -> None:
        self._patience = Patience(timeout_s)
        self._pool = WorkerPool(
            job,
            processes=processes,
            memory_limit_bytes=memory_limit_bytes,
            renew_after_error=False,
        )

    def build(self, item: BuildInput) -> BuildResult:
        """Build one candidate. Never raises for what the candidate does.

        Raises:
            DgtlError: No build process can be started on this machine.
        """
        self._pool.warm_up()
        start_s = time.perf_counter()
        outcome = self._pool.run(item, self._patience.limit_s)
        build_s = time.perf_counter() - start_s
        if outcome.ending is Ending.DONE:
            self._patience.learn(build_s)
        return BuildResult(
            status=_STATUS[outcome.ending],
            error=outcome.text,
            artifact=outcome.value or NOTHING,
            build_s=build_s,
        )

    def close(self) -> None:
        """End the processes it holds."""
        self._pool.close()
