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
    """A module of one kernel; by the device's own account every run takes `run_s`.

    All but those that were held up: the first ones take as long as `held_up` says.
    """

    run_s: float
    held_up: tuple[float, ...] = ()
    asked: list[dict[str, int]] = field(default_factory=list)

    def __getitem__(self, entry: str) -> Callable[..., None]:
        return lambda *arguments: None

    def time_evaluator(self, entry: str, device: Gpu, **how: int) -> Callable[..., Any]:
        self.asked.append(how)
        run_s = dict(enumerate(self.held_up, start=1)).get(len(self.asked), self.run_s)
        return lambda *arguments: _Results(results=[run_s] * how["repeat"])


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
    assert {how["cache_flush_bytes"] for how in module.asked} == {0}


def test_one_that_was_held_up_is_not_given_up() -> None:
    module = Module(run_s=1e-4, held_up=(2e-3, 1e-3))
    assert timed(module, None, best_s=1e-4) == (1e-4,) * 5


def test_of_a_slow_one_the_fastest_look_is_kept() -> None:
    module = Module(run_s=1.2e-3, held_up=(5e-3, 1e-3))
    assert timed(module, None, best_s=1e-4) == (1e-3,)
    assert len(module.asked) == 3


def test_one_that_takes_long_is_run_once() -> None:
    module = Module(run_s=1.0)
    assert timed(module, None, best_s=1e-4) == (1.0,)
    assert len(module.asked) == 1


def test_a_gpus_caches_are_always_flushed_and_a_cpus_on_demand() -> None:
    found = flush_of(Gpu(), EVALUATOR)
    assert found is not None
    assert found.size_bytes == 100 << 20
    assert flush_of(Gpu(l2_cache_size_bytes=None), EVALUATOR) is None
    assert flush_of(Gpu(type="cpu"), EVALUATOR) is None
    on_demand = flush_of(Gpu(type="cpu"), EvaluatorConfig(enable_cpu_cache_flush=True))
    assert on_demand is not None
    assert on_demand.size_bytes > 1 << 20
