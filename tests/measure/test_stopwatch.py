"""How often a kernel is run, told by one that only counts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from dgtl_ray.core.roles import EvaluatorConfig
from dgtl_ray.measure.runtime_device import Flush, flush_of
from dgtl_ray.measure.stopwatch import time_candidate

EVALUATOR = EvaluatorConfig(repeat=5, min_repeat_ms=10.0)
FLUSH = Flush(size_bytes=100 << 20, most_repeats=50)


@dataclass(kw_only=True)
class Gpu:
    """A device, as TVM's runtime tells of it."""

    type: str = "cuda"
    l2_cache_size_bytes: int | None = 50 << 20

    def sync(self) -> None:
        """Nothing runs."""


@dataclass(kw_only=True)
class Module:
    """A module of one kernel; every run takes `run_s` by the device's own account."""

    run_s: float
    asked: list[dict[str, int]] = field(default_factory=list)

    def __getitem__(self, entry: str) -> Callable[..., None]:
        return lambda *arguments: None

    def time_evaluator(self, entry: str, device: Gpu, **how: int) -> Callable[..., Any]:
        self.asked.append(how)
        return lambda *arguments: _Results(results=[self.run_s] * how["repeat"])


@dataclass(kw_only=True)
class _Results:
    results: list[float]


def timed(module: Module, flush: Flush | None, best_s: float | None = None) -> tuple[float, ...]:
    return time_candidate(module, "main", (), Gpu(), EVALUATOR, best_s, flush)


@pytest.mark.parametrize(("run_s", "repeats"), [(20e-6, 50), (1e-3, 10), (4e-3, 5)])
def test_each_repeat_is_one_run_with_cold_caches(run_s: float, repeats: int) -> None:
    module = Module(run_s=run_s)
    assert timed(module, FLUSH) == (run_s,) * repeats
    assert module.asked[-1] == {
        "number": 1,
        "repeat": repeats,
        "cache_flush_bytes": FLUSH.size_bytes,
    }


def test_without_a_flush_a_repeat_fills_its_time() -> None:
    module = Module(run_s=20e-6)
    assert timed(module, None) == (20e-6,) * 5
    assert module.asked[-1] == {"number": 500, "repeat": 5, "cache_flush_bytes": 0}


def test_a_slow_one_is_given_up_before_caches_are_flushed() -> None:
    module = Module(run_s=1e-3)
    assert timed(module, FLUSH, best_s=1e-4) == (1e-3,)
    assert [how["cache_flush_bytes"] for how in module.asked] == [0]


def test_a_gpus_caches_are_always_flushed_and_a_cpus_on_demand() -> None:
    found = flush_of(Gpu(), EVALUATOR)
    assert found is not None
    assert found.size_bytes == 100 << 20
    assert flush_of(Gpu(l2_cache_size_bytes=None), EVALUATOR) is None
    assert flush_of(Gpu(type="cpu"), EVALUATOR) is None
    on_demand = flush_of(Gpu(type="cpu"), EvaluatorConfig(enable_cpu_cache_flush=True))
    assert on_demand is not None
    assert on_demand.size_bytes > 1 << 20
