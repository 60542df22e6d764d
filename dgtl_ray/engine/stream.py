"""The tuning loop where building and timing do not disturb each other: no rounds, no barrier."""

import asyncio
import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dgtl_ray.core.measurement import Measurement
from dgtl_ray.engine.clock import Phase
from dgtl_ray.engine.crew import is_ok
from dgtl_ray.engine.layer import Candidate
from dgtl_ray.engine.loop import Asked, TuningLoop
from dgtl_ray.engine.outcomes import outcomes_by_layer
from dgtl_ray.engine.recorder import Trial

# What is finished within this time is made durable together.
_COMMIT_S = 0.2
# Trials that a device has: one that it times, one next in its queue, one built and waiting.
_PER_DEVICE = 3
# More builds run than the mean of their durations asks for, because they differ.
_SPARE = 1.3
# Weight of the latest trial in the means of durations.
_LATEST = 0.05


@dataclass
class _Pace:
    """Running means of what a trial takes on a builder and on a device, None before the first."""

    build_s: float | None = None
    timing_s: float | None = None

    def see(self, trial: Trial) -> None:
        """Take a trial into the means."""
        self.build_s = _mean(self.build_s, trial.build.build_s)
        if trial.run is not None:
            self.timing_s = _mean(self.timing_s, trial.run.timing_s)

    def builds_for(self, devices: int, slots: int) -> int:
        """Builds at once that keep so many devices busy, at most the `slots` that there are."""
        if self.build_s is None or not self.timing_s:
            return slots
        return min(slots, math.ceil(_SPARE * devices * self.build_s / self.timing_s))


class StreamingLoop(TuningLoop):
    """Proposes, builds and times at once, with just enough trials on their way."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self._pace = _Pace()
        self._on_way: Counter[int] = Counter()
        self._finished: list[Trial] = []
        self._changed = asyncio.Event()

    def _search(self, first: Asked) -> None:
        self._show("searching")
        with self._clock.phase(Phase.TIMING):
            self._crew.stream(self._stream(first))

    async def _stream(self, first: Asked) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                keeping = group.create_task(self._keep())
                await self._feed(group, deque(first))
                keeping.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors

    async def _feed(self, group: asyncio.TaskGroup, first: deque[tuple[int, Candidate]]) -> None:
        """Ask for candidates whenever there is room, after the first, until the search is over."""
        while True:
            self._changed.clear()
            self._hand_out(group, first)
            for layer, count in self._wanted().items():
                self._on_way[layer] += count
                group.create_task(self._extend(group, layer, count))
            if not self._on_way.total():
                return
            await self._changed.wait()

    def _hand_out(self, group: asyncio.TaskGroup, first: deque[tuple[int, Candidate]]) -> None:
        """Begin with what comes before all proposals, as far as there is room."""
        while first and self._on_way.total() < self._capacity() and not self._why_over():
            layer, candidate = first.popleft()
            self._on_way[layer] += 1
            group.create_task(self._try(layer, candidate))

    def _wanted(self) -> dict[int, int]:
        """Trials to ask for now, by layer."""
        room = self._capacity() - self._on_way.total()
        if self._why_over() or room < self._config.chunk:
            return {}
        return self._quota(room, self._on_way)

    def _capacity(self) -> int:
        """Trials that may be on their way: those of the devices, builds, and the next to come."""
        devices = max(1, self._crew.ready_devices)
        builds = self._pace.builds_for(devices, self._crew.build_slots)
        return _PER_DEVICE * devices + builds + self._config.chunk

    async def _extend(self, group: asyncio.TaskGroup, layer: int, count: int) -> None:
        candidates = await self._crew.propose_one(layer, self._orders({layer: count})[layer])
        self._note(layer, count, candidates)
        self._on_way[layer] -= count - len(candidates)
        for candidate in candidates:
            group.create_task(self._try(layer, candidate))
        self._changed.set()

    async def _try(self, layer: int, candidate: Candidate) -> None:
        built = await self._crew.build_one(layer, candidate.schedule)
        run = None
        if is_ok(built):
            best_s = self._best_s(layer, candidate)
            run = await self._crew.time_one(layer, built.artifact, best_s)
        self._finished.append(Trial(layer=layer, candidate=candidate, build=built.result, run=run))

    async def _keep(self) -> None:
        """Make finished trials durable, let them count, and tell the layers."""
        while True:
            await asyncio.sleep(_COMMIT_S)
            trials, self._finished = self._finished, []
            if trials:
                await self._commit(trials)

    async def _commit(self, trials: Sequence[Trial]) -> None:
        # Storage may be slow: devices need not wait for it.
        rows = await asyncio.to_thread(self._keep_durable, trials)
        self._count(trials)
        for trial in trials:
            self._pace.see(trial)
            self._on_way[trial.layer] -= 1
        self._changed.set()
        await self._crew.observe_now(outcomes_by_layer([t.layer for t in trials], rows))

    def _keep_durable(self, trials: Sequence[Trial]) -> list[Measurement]:
        rows = self._recorder.record(trials)
        self._on_round()
        return rows


def _mean(before: float | None, value: float) -> float:
    """An exponentially weighted mean."""
    return value if before is None else before + _LATEST * (value - before)
