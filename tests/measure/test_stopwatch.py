"""How often a kernel is run, told by one that only counts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from dgtl_ray.core.roles import EvaluatorConfig
from dgtl_ray.measure.runtime_device import flush_bytes
from dgtl_ray.measure.stopwatch import FlushedStage, time_candidate

EVALUATOR = EvaluatorConfig(repeat=5, min_time_ms=10.0)
FLUSH_BYTES = 100 << 20


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


def timed(module: Module, best_s: float | None = None) -> tuple[float, ...]:
    stage = FlushedStage((), FLUSH_BYTES)
    return time_candidate(module, "main", stage, Gpu(), EVALUATOR, best_s)


@pytest.mark.parametrize(("run_s", "repeats"), [(20e-6, 50), (1e-3, 10), (4e-3, 5)])
def test_each_repeat_is_one_run_on_its_stage(run_s: float, repeats: int) -> None:
    module = Module(run_s=run_s)
    assert timed(module) == (run_s,) * repeats
    assert module.asked[-1] == {"number": 1, "repeat": repeats, "cache_flush_bytes": FLUSH_BYTES}


def test_a_slow_one_is_given_up_before_anything_passes_through_the_caches() -> None:
    module = Module(run_s=1e-3)
    assert timed(module, best_s=1e-4) == (1e-3,)
    assert all("cache_flush_bytes" not in how for how in module.asked)


def test_one_that_was_held_up_is_not_given_up() -> None:
    module = Module(run_s=1e-4, held_up=(2e-3, 1e-3))
    assert timed(module, best_s=1e-4) == (1e-4,) * 50


def test_of_a_slow_one_the_fastest_look_is_kept() -> None:
    module = Module(run_s=1.2e-3, held_up=(5e-3, 1e-3))
    assert timed(module, best_s=1e-4) == (1e-3,)
    assert len(module.asked) == 3


def test_one_that_takes_long_is_run_once() -> None:
    module = Module(run_s=1.0)
    assert timed(module, best_s=1e-4) == (1.0,)
    assert len(module.asked) == 1


def test_a_gpus_caches_are_flushed_by_twice_their_size() -> None:
    assert flush_bytes(Gpu()) == FLUSH_BYTES
    assert flush_bytes(Gpu(l2_cache_size_bytes=None)) == 0
