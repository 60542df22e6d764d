"""MetaSchedule's own runner, which notes how far the search is at the end of each round.

MetaSchedule's callbacks would not tell: its scheduler collects what the first rounds gave when each
task has had one.
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms

from dgtl_ray.bench.tools.warm_builder import WarmBuilder


class Round(NamedTuple):
    """Trials, failed ones among them, and the moment in seconds, when a round has been timed."""

    trials: int
    failed: int
    at_s: float


def after_first(rounds: Sequence[Round]) -> dict[str, float]:
    """Trials, failures and seconds from the end of the first round to that of the last."""
    first, last = rounds[0], rounds[-1]
    return {
        "trials": last.trials - first.trials,
        "failed": last.failed - first.failed,
        "wall_s": last.at_s - first.at_s,
    }


@derived_object
class RoundRunner(ms.runner.PyRunner):  # type: ignore[misc]  # TVM is untyped
    """Times as `runner` does, which returns when it has timed all.

    Args:
        runner: A runner of TVM's.
        builder: What builds for it, and counts.
    """

    def __init__(self, runner: Any, builder: WarmBuilder) -> None:
        super().__init__()
        self._runner = runner
        self._builder = builder
        self._failed = 0
        self.rounds: list[Round] = []

    def run(self, runner_inputs: Sequence[Any]) -> list[Any]:
        """TVM's interface: a result to come for each input, all of one round."""
        futures = list(self._runner.run(runner_inputs))
        self._failed += sum(future.result().error_msg is not None for future in futures)
        failed = self._builder.failed + self._failed
        self.rounds.append(Round(self._builder.asked, failed, time.perf_counter()))
        return futures
