"""What a timing worker does: load a candidate, run it on its device, time or check it.

Only workers import this: it loads TVM.
"""

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tvm
from numpy.typing import NDArray

from dgtl_ray.core.device import Conditions, DeviceDescriptor
from dgtl_ray.core.network_run import NetworkInput, Turns
from dgtl_ray.core.roles import Artifact, RunInput
from dgtl_ray.measure.arguments import ArgumentCache, random_array
from dgtl_ray.measure.compare import relative_error
from dgtl_ray.measure.cuda_code import accept_machine_code
from dgtl_ray.measure.device import describe_device
from dgtl_ray.measure.network_job import run_network
from dgtl_ray.measure.preparing import Preparer
from dgtl_ray.measure.runtime_device import conditions_of, flush_bytes, open_device, threads_of
from dgtl_ray.measure.stopwatch import FlushedStage, Stage, time_candidate
from dgtl_ray.measure.surroundings import NetworkStage, Traffic
from dgtl_ray.measure.thread_pool import ThreadPool
from dgtl_ray.measure.timer_protocol import DescribeInput, Timing, VerifyInput
from dgtl_ray.space.sketches.scheduled import parse_preparations

Request: TypeAlias = RunInput | NetworkInput | VerifyInput | DescribeInput
Answer: TypeAlias = Timing | tuple[tuple[Turns, ...], ...] | float | DeviceDescriptor

_CACHE_BYTES = 1 << 30
_ENTRY = "main"
# Of so many values that are rounded to integers, one may lie in the middle.
_PER_STRAY = 1000
# Of the arguments' values: the same in every run, so that timings can be compared.
_SEED = 0


class TimeJob:
    """Times, verifies (a relative error comes back) and describes its device.

    Args:
        scratch: For its files.
        conditions: Tells what a device is like.
    """

    def __init__(
        self, scratch: Path, conditions: Callable[[Any], Conditions] = conditions_of
    ) -> None:
        self._scratch = scratch
        self._conditions = conditions
        self._numbers = itertools.count()
        self._caches: dict[str, ArgumentCache[Any]] = {}
        self._pools: dict[int, ThreadPool] = {}
        self._traffics: dict[str, Traffic] = {}

    def __call__(self, item: Request) -> Answer:
        """Do what is asked of a candidate."""
        if isinstance(item, DescribeInput):
            return describe_device(item.target)
        device = open_device(item.target)
        self._threads = threads_of(item.target)
        if isinstance(item, VerifyInput):
            return self._verify(item, device)
        if isinstance(item, NetworkInput):
            return run_network(item, self._load, partial(print, flush=True))
        return self._time(item, device)

    def _time(self, item: RunInput, device: Any) -> Timing:
        stage = self._stage(item, device)
        module = self._load(item.artifact.library)
        repeats_s = time_candidate(module, _ENTRY, stage, device, item.evaluator, item.best_s)
        # At once: clocks fall where nothing runs.
        conditions = self._conditions(device)
        return Timing(repeats_s=repeats_s, conditions=conditions, passed_bytes=stage.passed_bytes)

    def _stage(self, item: RunInput, device: Any) -> Stage:
        """Where the candidate runs: what it takes, and what it finds in the caches."""
        specs, around = item.artifact.args, item.surroundings
        cache = self._cache(device)
        if device.type == "cuda":
            return FlushedStage(cache.get(specs), flush_bytes(device))
        held = [at for at in range(len(specs)) if at not in around.weights]
        tensors = cache.get([specs[at] for at in held])
        activations = dict(zip(held, tensors, strict=True))
        return NetworkStage(specs, activations, around, self._traffic(item.target))

    def _verify(self, item: VerifyInput, device: Any) -> float:
        """The largest error; what the candidate takes in another form has none."""
        arrays = [random_array(spec, k, _SEED) for k, spec in enumerate(item.reference.args)]
        expected = self._outputs(item.reference, arrays, device)
        preparations = parse_preparations(item.artifact.preparations)
        preparer = Preparer([preparation.function for preparation in preparations])
        for k, preparation in enumerate(preparations):
            at = preparation.parameter
            arrays[at] = preparer.prepare(k, tvm.runtime.tensor(arrays[at]))
        found = self._outputs(item.artifact, arrays, device)
        same = set(range(len(arrays))) - {preparation.parameter for preparation in preparations}
        return max(
            relative_error(
                found[k], expected[k], strays=_strays(expected[k]) if item.reference.rounds else 0
            )
            for k in same
        )

    def _outputs(
        self, artifact: Artifact, arrays: Sequence[NDArray[np.generic]], device: Any
    ) -> list[NDArray[np.generic]]:
        """All arguments after a run: what a kernel should have left alone is checked as well."""
        module = self._load(artifact.library)
        arguments = [tvm.runtime.tensor(array, device) for array in arrays]
        module[_ENTRY](*arguments)
        device.sync()
        return [argument.numpy() for argument in arguments]

    def _load(self, library: bytes) -> Any:
        # Always a path of its own: the loader answers a path that it knows with the old library.
        path = self._scratch / f"candidate-{next(self._numbers)}.so"
        path.write_bytes(library)
        try:
            return self._pool().load(path)
        finally:
            path.unlink()  # what is mapped stays

    def _pool(self) -> ThreadPool:
        """What runs the parallel loops of candidates, as it runs a deployed module's."""
        if self._threads not in self._pools:
            self._pools[self._threads] = ThreadPool(self._threads)
        return self._pools[self._threads]

    def _traffic(self, target: str) -> Traffic:
        if target not in self._traffics:
            self._traffics[target] = Traffic(target, self._pool())
        return self._traffics[target]

    def _cache(self, device: Any) -> ArgumentCache[Any]:
        def place(array: NDArray[np.generic]) -> Any:
            return tvm.runtime.tensor(array, device)

        key = str(device)
        if key not in self._caches:
            self._caches[key] = ArgumentCache(place, seed=_SEED, limit_bytes=_CACHE_BYTES)
        return self._caches[key]


def _strays(outputs: NDArray[np.generic]) -> int:
    """How many values may lie so close to the middle of two steps that either is right."""
    return 1 + outputs.size // _PER_STRAY


def time_job(scratch: Path) -> Callable[[Request], Answer]:
    """The function that times, verifies and describes, with `scratch` for its files."""
    accept_machine_code()
    return TimeJob(scratch)
