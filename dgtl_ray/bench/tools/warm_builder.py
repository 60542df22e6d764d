"""MetaSchedule's own build step in workers that stay warm.

TVM's `LocalBuilder` starts its workers anew for each round. A comparison of steady rates leaves
start-up out, so here they live for the whole run; what they do with a candidate is TVM's own.
"""

from collections.abc import Sequence
from typing import Any

import tvm
from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.meta_schedule.builder.local_builder import default_build, default_export
from tvm.support.popen_pool import PopenPoolExecutor, StatusKind

from dgtl_ray.bench.tools.intrinsics import import_intrinsics


def build_and_export(module: Any, target: Any) -> str:
    """Path of the archive that TVM's builder makes of a candidate. Runs in a worker."""
    return str(default_export(default_build(module, target, None)))


@derived_object
class WarmBuilder(ms.builder.PyBuilder):  # type: ignore[misc]  # TVM is untyped
    """Builds with workers that are kept, and counts what it was asked to build."""

    def __init__(self, workers: int, timeout_s: float) -> None:
        super().__init__()
        self._pool = PopenPoolExecutor(
            max_workers=workers, timeout=timeout_s, initializer=import_intrinsics
        )
        self.asked = 0
        self.failed = 0

    def warm_up(self, module: Any, target: tvm.target.Target, times: int) -> None:
        """Let every worker build something, so that all imports lie behind it."""
        for outcome in self._outcomes([(module, target)] * times):
            if outcome.status is not StatusKind.COMPLETE:
                raise RuntimeError(f"the builder did not get warm: {outcome.value}")

    def build(self, build_inputs: Sequence[Any]) -> list[Any]:
        """TVM's interface: one result for each input."""
        self.asked += len(build_inputs)
        return [
            self._result(outcome)
            for outcome in self._outcomes([(item.mod, item.target) for item in build_inputs])
        ]

    def _outcomes(self, items: Sequence[tuple[Any, Any]]) -> Any:
        return self._pool.map_with_error_catching(lambda pair: build_and_export(*pair), items)

    def _result(self, outcome: Any) -> Any:
        if outcome.status is StatusKind.COMPLETE:
            return ms.builder.BuilderResult(outcome.value, None)
        self.failed += 1
        return ms.builder.BuilderResult(None, str(outcome.value))
