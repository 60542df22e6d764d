"""The tuning loop: rounds of propose, build, time, record, observe."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dgtl_ray.core.measurement import Measurement, Stage
from dgtl_ray.core.progress import LayerProgress, Monitor, Progress
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.clock import Phase, SearchClock
from dgtl_ray.engine.crew import Built, RayCrew, is_ok
from dgtl_ray.engine.layer import Candidate, Order, Outcome
from dgtl_ray.engine.recorder import Recorder, Trial
from dgtl_ray.engine.scheduler import LayerRecord, allocate, remaining_gain


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """Trials a round, and how many of them a layer is given at a time."""

    budget: Budget
    round_size: int = 32
    chunk: int = 8


class TuningLoop:
    """Alternates building, on all cores, with timing, when nothing else runs.

    Args:
        crew: The hands.
        recorder: Makes trials durable.
        records: What the scheduler knows of each layer.
        clock: Of the search time.
        monitor: Is shown how it goes.
        config: Sizes and budget.
        on_round: Called after each round is durable.
        tips: Configurations that were fast in a layer's kin.

    Attributes:
        ended: Why the search is over, "" before that.
    """

    def __init__(
        self,
        *,
        crew: RayCrew,
        recorder: Recorder,
        records: Sequence[LayerRecord],
        clock: SearchClock,
        monitor: Monitor,
        config: LoopConfig,
        on_round: Callable[[], None],
        tips: Callable[[int], Sequence[str]],
    ) -> None:
        self._crew = crew
        self._recorder = recorder
        self._records = list(records)
        self._clock = clock
        self._monitor = monitor
        self._config = config
        self._on_round = on_round
        self._tips = tips
        self.ended = ""

    @property
    def trials(self) -> int:
        """Trials so far, confirmations not counted."""
        return sum(record.trials for record in self._records)

    def run(self, prepare: Callable[[], None]) -> None:
        """Search until the budget is spent, little is left to gain, or all is exhausted.

        Args:
            prepare: What the first proposal needs; done while the first trials are built.
        """
        self._measure_defaults(prepare)
        self._search()
        self.ended = self._why_over()
        self._monitor.note(f"search over: {self.ended}")

    def _search(self) -> None:
        """Round after round."""
        while not self._why_over():
            self._round(allocate(self._records, self._next_round(), self._config.chunk))

    def measure(
        self, candidates: Sequence[tuple[int, Candidate]], passes: int = 1
    ) -> list[Measurement]:
        """Build candidates (layer index, candidate), time them in turn, record them.

        Args:
            candidates: What to measure.
            passes: How often each is timed; one pass after the other, each durable by itself.

        Returns:
            Their rows, pass by pass.
        """
        self._show(Phase.BUILDING)
        with self._clock.phase(Phase.BUILDING):
            built = self._crew.build([(k, candidate.schedule) for k, candidate in candidates])
        return [row for _ in range(passes) for row in self._time_and_record(candidates, built)]

    def _time_and_record(
        self, candidates: Sequence[tuple[int, Candidate]], built: Sequence[Built]
    ) -> list[Measurement]:
        self._show(Phase.TIMING)
        with self._clock.phase(Phase.TIMING):
            trials = self._time(candidates, built)
        rows = self._recorder.record(trials)
        self._count(trials)
        self._on_round()
        return rows

    def _count(self, trials: Sequence[Trial]) -> None:
        """Let trials count that are durable."""
        for trial in trials:
            if trial.candidate.stage is not Stage.CONFIRM:
                self._records[trial.layer].add(trial.cost_s, trial.spent_s)
        self._show("recorded")

    def _round(self, quota: Mapping[int, int]) -> None:
        self._show(Phase.PROPOSING)
        with self._clock.phase(Phase.PROPOSING):
            proposed = self._crew.propose({k: self._order(k, count) for k, count in quota.items()})
        for layer, count in quota.items():
            self._records[layer].exhausted = len(proposed[layer]) < count
        candidates = [(layer, c) for layer, of_layer in proposed.items() for c in of_layer]
        if not candidates:
            return
        rows = self.measure(candidates)
        with self._clock.phase(Phase.PROPOSING):
            self._crew.observe(outcomes_by_layer([layer for layer, _ in candidates], rows))

    def _order(self, layer: int, count: int) -> Order:
        return Order(count=count, tips=self._tips(layer))

    def _measure_defaults(self, prepare: Callable[[], None]) -> None:
        """Every layer's first trial is the default schedule: a winner is never worse than it."""
        layers = [k for k, record in enumerate(self._records) if record.trials == 0]
        layers = layers[: self._config.budget.trials_left(self.trials)]
        defaults = [(k, default_candidate(Stage.DEFAULT)) for k in layers]
        building = self._crew.start_building([(k, default.schedule) for k, default in defaults])
        self._show(Phase.PROPOSING)
        with self._clock.phase(Phase.PROPOSING):
            prepare()
        with self._clock.phase(Phase.BUILDING):
            built = building.result()
        if defaults:
            self._time_and_record(defaults, built)

    def _time(
        self, candidates: Sequence[tuple[int, Candidate]], built: Sequence[Built]
    ) -> list[Trial]:
        ready = [k for k, item in enumerate(built) if is_ok(item)]
        jobs = [(candidates[k][0], built[k].artifact, self._best_s(*candidates[k])) for k in ready]
        runs = dict(zip(ready, self._crew.time(jobs), strict=True))
        return [
            Trial(layer=layer, candidate=candidate, build=built[k].result, run=runs.get(k))
            for k, (layer, candidate) in enumerate(candidates)
        ]

    def _best_s(self, layer: int, candidate: Candidate) -> float | None:
        """What a candidate is given up against; a confirmation is always timed in full."""
        return None if candidate.stage is Stage.CONFIRM else self._records[layer].best_s

    def _why_over(self) -> str:
        """Why the search is over, "" while it is not."""
        budget = self._config.budget
        spent = budget.why_spent(self.trials, self._clock.elapsed_s)
        if spent:
            return spent
        if all(record.left(0) <= 0 for record in self._records):
            return "every layer has had its trials, or its whole design space"
        if remaining_gain(self._records) < budget.min_gain:
            return f"less than {budget.min_gain:.1%} of the latency is expected to be left to gain"
        return ""

    def _next_round(self) -> int:
        left = self._config.budget.trials_left(self.trials)
        return self._config.round_size if left is None else min(self._config.round_size, left)

    def _show(self, phase: str) -> None:
        elapsed_s = self._clock.elapsed_s
        self._monitor.update(
            Progress(
                layers=tuple(_progress(record) for record in self._records),
                phase=phase,
                elapsed_s=elapsed_s,
                left_s=self._config.budget.left_s(
                    self.trials, elapsed_s, sum(record.left(0) for record in self._records)
                ),
            )
        )


def default_candidate(stage: Stage) -> Candidate:
    """The default schedule, which is no configuration of the design space."""
    return Candidate(
        config="",
        schedule="",
        encoding=np.empty(0, np.float32),
        stage=stage,
        predicted_mean=None,
        predicted_std=None,
    )


def _progress(record: LayerRecord) -> LayerProgress:
    return LayerProgress(
        name=record.name,
        flop=record.flop,
        weight=record.weight,
        best_s=record.best_s,
        trials=record.trials,
        failed=record.failed,
        done=record.left(0) == 0,
    )


def outcomes_by_layer(
    layers: Sequence[int], rows: Sequence[Measurement]
) -> dict[int, list[Outcome]]:
    """What the proposers learn of rows, one for each of `layers`."""
    outcomes: dict[int, list[Outcome]] = defaultdict(list)
    for layer, row in zip(layers, rows, strict=True):
        outcomes[layer].append(outcome_of(row))
    return dict(outcomes)


def outcome_of(row: Measurement) -> Outcome:
    """What a proposer learns of a measurement."""
    cost_s = math.nan if row.cost_s is None else row.cost_s
    return Outcome(
        config=row.config, cost_s=cost_s, status=row.status, spent_s=row.build_s + row.timing_s
    )
