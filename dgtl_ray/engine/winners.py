"""From measurements to winners: the best few timed again in turn, the best of them verified."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from dgtl_ray.core.measurement import Measurement, Stage, Status, TimedIn
from dgtl_ray.core.progress import Monitor
from dgtl_ray.core.roles import UNTUNED, RunResult
from dgtl_ray.engine.clock import Phase, SearchClock
from dgtl_ray.engine.crew import Built, RayCrew, is_ok
from dgtl_ray.engine.layer import Candidate
from dgtl_ray.engine.loop import TuningLoop, default_candidate
from dgtl_ray.engine.recorder import Recorder, Trial

# Rows of one layer -> the configuration that wins, None where none was ever ok.
ChooseWinner = Callable[[Sequence[Measurement]], str | None]


@dataclass(frozen=True, kw_only=True)
class ConfirmConfig:
    """How winners are named.

    Attributes:
        finalists: How many of a layer's best are timed again.
        within: A finalist is at most this factor slower than the layer's best.
        passes: How often each has its turn in the network, at most.
        limit_s: When turns there end.
        alone_passes: How often each is timed again where the network is not run.
    """

    finalists: int = 4
    within: float = 1.2
    passes: int = 20
    limit_s: float = 20.0
    alone_passes: int = 2


def finalists(rows: Sequence[Measurement], config: ConfirmConfig) -> list[str]:
    """A layer's best configurations by the median of their measurements, best first.

    What was timed when it was not kept how much passed through the caches cannot be ranked among
    the others: the best of it comes in addition. What ever gave a wrong result is out.
    """
    alone = timed_alone(rows, wrong_results(rows))
    newer = _best(
        [row for row in alone if row.passed_bytes is not None], config.finalists, config.within
    )
    older = [row for row in alone if row.passed_bytes is None]
    if not newer:
        return _best(older, config.finalists, config.within)
    return list(dict.fromkeys([*newer, *_best(older, 1, config.within)]))


def wrong_results(rows: Iterable[Measurement]) -> set[str]:
    """Configurations that ever gave a wrong result, by a layer's rows."""
    return {row.config for row in rows if row.status is Status.WRONG_RESULT}


def timed_alone(rows: Iterable[Measurement], without: Collection[str] = ()) -> list[Measurement]:
    """Rows that can be ranked: those timed in a network are not like those timed alone.

    Args:
        rows: Measurements of a layer; failures are among what comes back.
        without: Configurations that are left out.
    """
    return [
        row for row in rows if row.timed_in is not TimedIn.NETWORK and row.config not in without
    ]


def _best(rows: Sequence[Measurement], count: int, within: float) -> list[str]:
    """The best configurations of rows that can be compared, best first."""
    costs: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.cost_s is not None:
            costs[row.config].append(row.cost_s)
    ranked = sorted((median(of_config), key) for key, of_config in costs.items())
    limit_s = ranked[0][0] * within if ranked else 0.0
    return [key for cost_s, key in ranked[:count] if cost_s <= limit_s]


def comparable(rows: Sequence[Measurement], run_id: str) -> list[Measurement]:
    """Rows of a layer without those that were timed in other networks, or by other runs there.

    All of them where this run timed nothing in its network.
    """
    if not any(row.timed_in is TimedIn.NETWORK and row.run_id == run_id for row in rows):
        return list(rows)
    return [row for row in rows if row.timed_in is not TimedIn.NETWORK or row.run_id == run_id]


def confirm(
    loop: TuningLoop, crew: RayCrew, of_layer: Mapping[int, Sequence[str]], passes: int
) -> list[Measurement]:
    """Time finalists (layer index -> configurations) again, interleaved, `passes` times."""
    contested = {k: configs for k, configs in of_layer.items() if len(configs) > 1}
    schedules = crew.schedules(contested)
    candidates = [
        (k, confirmation(config, schedule))
        for k, configs in contested.items()
        for config, schedule in zip(configs, schedules[k], strict=True)
    ]
    return loop.measure(candidates, passes) if candidates else []


@dataclass(frozen=True, kw_only=True)
class _Contest:
    """A winner and its layer untuned, both built."""

    layer: int
    candidate: Candidate
    winner: Built
    reference: Built


class WinnerCheck:
    """Compares each layer's winner with the outputs of the layer untuned."""

    def __init__(
        self, crew: RayCrew, recorder: Recorder, clock: SearchClock, monitor: Monitor
    ) -> None:
        self._crew = crew
        self._recorder = recorder
        self._clock = clock
        self._monitor = monitor

    def reject_wrong(self, winners: Mapping[int, str]) -> list[Measurement]:
        """Record each winner (layer index -> configuration) whose outputs are wrong.

        Returns:
            The measurements that say so, none where every winner is right.
        """
        with self._clock.phase(Phase.BUILDING):
            contests = self._build({k: config for k, config in winners.items() if config})
        with self._clock.phase(Phase.TIMING):
            wrong = [trial for contest in contests for trial in self._judge(contest)]
        return self._recorder.record(wrong) if wrong else []

    def _build(self, winners: Mapping[int, str]) -> list[_Contest]:
        schedules = self._crew.schedules({k: [config] for k, config in winners.items()})
        jobs = [(k, text) for k in winners for text in (schedules[k][0], UNTUNED)]
        built = self._crew.build(jobs)
        return [
            _Contest(
                layer=k,
                candidate=confirmation(winners[k], schedules[k][0]),
                winner=built[2 * n],
                reference=built[2 * n + 1],
            )
            for n, k in enumerate(winners)
        ]

    def _judge(self, contest: _Contest) -> list[Trial]:
        """The trial that rejects the winner, none where its outputs are right."""
        run = self._verify(contest, contest.winner) if is_ok(contest.winner) else None
        trial = Trial(
            layer=contest.layer, candidate=contest.candidate, build=contest.winner.result, run=run
        )
        if trial.status is Status.OK:
            return []
        if self._verify(contest, contest.reference).status is not Status.OK:
            self._monitor.note(f"layer {contest.layer} does not run untuned: winner unchecked")
            return []
        self._monitor.note(f"rejected a winner of layer {contest.layer}: {trial.status}")
        return [trial]

    def _verify(self, contest: _Contest, built: Built) -> RunResult:
        return self._crew.verify(built.artifact, contest.reference.artifact)


def confirmation(config: str, schedule: str) -> Candidate:
    """A configuration that was measured before, to be looked at again."""
    return replace(default_candidate(Stage.CONFIRM), config=config, schedule=schedule)
