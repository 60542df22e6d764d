"""The best few of each layer run in the whole network, one of each layer's at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dgtl_ray.core.measurement import Measurement, Status, TimedIn
from dgtl_ray.core.network_run import NetworkResult, Skeleton, Turns
from dgtl_ray.core.progress import Monitor
from dgtl_ray.core.roles import RunResult
from dgtl_ray.core.task import LayerTask
from dgtl_ray.engine.clock import Phase, SearchClock
from dgtl_ray.engine.crew import Built, RayCrew, is_ok
from dgtl_ray.engine.layer import Candidate
from dgtl_ray.engine.recorder import Recorder, Trial
from dgtl_ray.engine.winners import ConfirmConfig, confirmation


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """An alternative of a layer, built."""

    layer: int
    candidate: Candidate
    built: Built


class NetworkContest:
    """Times alternatives in the network that they are for.

    Args:
        tasks: The network's layers.
        skeleton: Compiles the network without them.
        config: How often, and for how long.
    """

    def __init__(
        self,
        tasks: Sequence[LayerTask],
        skeleton: Callable[[], Skeleton],
        config: ConfirmConfig,
        *,
        crew: RayCrew,
        recorder: Recorder,
        clock: SearchClock,
        monitor: Monitor,
    ) -> None:
        self._tasks = tasks
        self._skeleton = skeleton
        self._config = config
        self._crew = crew
        self._recorder = recorder
        self._clock = clock
        self._monitor = monitor

    def run(self, of_layer: Mapping[int, Sequence[str]]) -> list[Measurement]:
        """Time configurations (layer index -> alternatives) in the network, and record them.

        Returns:
            Their measurements; none where the network could not be run.
        """
        with self._clock.phase(Phase.BUILDING):
            entries = self._build(of_layer)
            missing = set(range(len(self._tasks))) - {entry.layer for entry in entries}
            if missing:
                names = ", ".join(self._tasks[layer].name for layer in sorted(missing))
                return self._without(f"nothing was built of {names}")
            skeleton = self._skeleton()
        with self._clock.phase(Phase.TIMING):
            result = self._time(skeleton, entries)
        if result.status is not Status.OK:
            return self._without(result.error)
        return self._recorder.record(list(self._trials(entries, result)))

    def _without(self, reason: str) -> list[Measurement]:
        self._monitor.note(f"layers are compared alone, the network could not be run: {reason}")
        return []

    def _build(self, of_layer: Mapping[int, Sequence[str]]) -> list[_Entry]:
        """Those alternatives that can be built, layer by layer."""
        schedules = self._crew.schedules(of_layer)
        candidates = [
            (layer, confirmation(config, schedule))
            for layer, configs in sorted(of_layer.items())
            for config, schedule in zip(configs, schedules[layer], strict=True)
        ]
        built = self._crew.build([(layer, one.schedule) for layer, one in candidates])
        return [
            _Entry(layer=layer, candidate=candidate, built=one)
            for (layer, candidate), one in zip(candidates, built, strict=True)
            if is_ok(one)
        ]

    def _time(self, skeleton: Skeleton, entries: Sequence[_Entry]) -> NetworkResult:
        alternatives = [
            [entry.built.artifact for entry in entries if entry.layer == layer]
            for layer in range(len(self._tasks))
        ]
        return self._crew.time_network(
            skeleton, alternatives, self._config.passes, self._config.limit_s
        )

    def _trials(self, entries: Sequence[_Entry], result: NetworkResult) -> Iterator[Trial]:
        """What came of each alternative that had a turn, or failed to."""
        turns = (turns for of_layer in result.turns for turns in of_layer)
        share_s = result.timing_s / len(entries)
        for entry, of_entry in zip(entries, turns, strict=True):
            if of_entry.seconds or of_entry.error:
                run = self._run(result, of_entry, self._tasks[entry.layer], share_s)
                yield Trial(
                    layer=entry.layer,
                    candidate=entry.candidate,
                    build=entry.built.result,
                    run=run,
                )

    def _run(
        self, result: NetworkResult, turns: Turns, task: LayerTask, timing_s: float
    ) -> RunResult:
        ran = RunResult(
            status=Status.RUN_ERROR,
            error=turns.error,
            repeats_s=(),
            timing_s=timing_s,
            conditions=result.conditions,
        )
        if turns.error:
            self._monitor.note(f"an alternative of {task.name} is out: {turns.error}")
            return ran
        return replace(
            ran,
            status=Status.OK,
            repeats_s=turns.seconds,
            passed_bytes=task.surroundings.other_bytes,
            timed_in=TimedIn.NETWORK,
        )
