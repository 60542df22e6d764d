"""Runs of a loaded module, timed one by one."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.task import TensorSpec
from dgtl_ray.deploy.loading import TunedModule


class TimingSession:
    """A module with inputs at hand."""

    def __init__(self, module: TunedModule) -> None:
        """Run it once on random inputs: the first run pays for what is done only once."""
        self._runner = module.runner
        rng = np.random.default_rng(0)
        self._inputs = self._runner.prepare(*(_example(s, rng) for s in module.metadata.inputs))
        self._last_s = self._time_one()

    def time_s(self, *, min_time_s: float, max_runs: int) -> list[float]:
        """Seconds of each run; the one that wakes the threads up is not among them."""
        if self._last_s < min_time_s:
            self._time_one()
        seconds: list[float] = []
        while not seconds or (sum(seconds) < min_time_s and len(seconds) < max_runs):
            seconds.append(self._time_one())
        self._last_s = seconds[-1]
        return seconds

    def _time_one(self) -> float:
        start = time.perf_counter()
        self._runner.run_prepared(self._inputs)
        self._runner.synchronize()
        return time.perf_counter() - start


def _example(spec: TensorSpec, rng: np.random.Generator) -> NDArray[Any]:
    """Something that is valid as an input: zeros where it may be an index."""
    dtype = np.dtype(spec.dtype)
    if not np.issubdtype(dtype, np.floating):
        return np.zeros(spec.shape, dtype)
    return rng.standard_normal(spec.shape).astype(dtype)
