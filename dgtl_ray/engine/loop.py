"""The tuning loop: rounds of propose, build, time, record, observe."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dgtl_ray.core.measurement import Measurement, Stage
from dgtl_ray.core.progress import LayerProgress, Monitor, Progress
from dgtl_ray.engine.asked import AskedTrials
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.clock import Phase, SearchClock
from dgtl_ray.engine.crew import Built, RayCrew, is_ok
from dgtl_ray.engine.layer import Candidate, Order
from dgtl_ray.engine.outcomes import outcomes_by_layer
from dgtl_ray.engine.recorder import Recorder, Trial
from dgtl_ray.engine.scheduler import LayerRecord, allocate, remaining_gain

# Candidates, each with the index of its layer.
Asked: TypeAlias = Sequence[tuple[int, Candidate]]


# As many default schedules a core are built and timed before anything else is begun.
_FEW = 2


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """Trials a round, and how many of them a layer is given at a time.

    Attributes:
        earlier: Trials that count towards the budget, and that no layer's record knows of.
    """

    budget: Budget
    round_size: int = 32
    chunk: int = 8
    earlier: int = 0


class TuningLoop:
    """Alternates building, on all cores, with timing, when nothing else runs.

    While a round is built, the next is proposed, as far as it is to be of other layers.

    Args:
        crew: The hands.
        recorder: Makes trials durable.
        records: What the scheduler knows of each layer.
        clock: Of the search time.
        monitor: Is shown how it goes.
        config: Sizes and budget.
        on_round: Called after each round is durable.
        tips: Configurations that were fast in a layer's kin.
        asked: Where it is kept what was asked for; None to keep it nowhere.
        first: What is measured before anything is proposed; without schedules and encodings.

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
        asked: AskedTrials | None = None,
        first: Asked = (),
    ) -> None:
        self._crew = crew
        self._recorder = recorder
        self._records = list(records)
        self._clock = clock
        self._monitor = monitor
        self._config = config
        self._on_round = on_round
        self._tips = tips
        self._asked = asked
        self._first = first
        self.ended = ""

    @property
    def trials(self) -> int:
        """Trials so far, confirmations not counted."""
        return self._config.earlier + sum(record.trials for record in self._records)

    def run(self, prepare: Callable[[], None]) -> None:
        """Search until the budget is spent, little is left to gain, or all is exhausted.

        Args:
            prepare: What the first proposal needs; done while the first trials are built, or after
                them where they are few.
        """
        self._measure_defaults(prepare)
        with self._clock.phase(Phase.PROPOSING):
            first = self._take_up()
        self._search(first)
        if self._asked is not None:
            self._asked.close()
        self.ended = self._why_over()
        self._monitor.note(f"search over: {self.ended}")

    def _take_up(self) -> Asked:
        """What comes first, as far as the budget goes, complete."""
        wanted = self._first[: self._config.budget.trials_left(self.trials)]
        of_layer: dict[int, list[Candidate]] = {}
        for layer, candidate in wanted:
            of_layer.setdefault(layer, []).append(candidate)
        complete = {layer: iter(of) for layer, of in self._crew.again(of_layer).items()}
        return [(layer, next(complete[layer])) for layer, _ in wanted]

    def _search(self, first: Asked) -> None:
        """Round after round; what comes first is handed out as rounds have room for it."""
        size = self._config.round_size
        now, ahead = first[:size], first[size:]
        while not self._why_over():
            now, ahead = self._round(self._filled(now), ahead[:size]), ahead[size:]

    def _filled(self, now: Asked) -> Asked:
        """A round: what was proposed for it, and what promises most by all that is known."""
        room = self._config.round_size - len(now)
        return [*now, *self._propose(room, _layers(now))] if room > 0 else now

    def _propose(self, most: int, on_way: Counter[int]) -> Asked:
        """Up to `most` candidates beside those that were proposed, so many of each layer."""
        quota = self._quota(most, on_way)
        if not quota:
            return ()
        self._show(Phase.PROPOSING)
        with self._clock.phase(Phase.PROPOSING):
            proposed = self._crew.start_proposing(self._orders(quota)).result()
        return self._noted(quota, proposed)

    def _round(self, now: Asked, ahead: Asked) -> Asked:
        """Measure candidates, and propose the next beside their building: never beside timing.

        Args:
            now: The candidates.
            ahead: The next ones, where an earlier process proposed them.

        Returns:
            The next ones; none of a layer that has to learn of these first.
        """
        quota = {} if ahead else self._quota_beside(now)
        proposing = self._crew.start_proposing(self._orders(quota))
        built = self._build(now)
        with self._clock.phase(Phase.PROPOSING):
            ahead = ahead or self._noted(quota, proposing.result())
        rows = self._time_and_record(now, built) if now else []
        with self._clock.phase(Phase.PROPOSING):
            self._crew.observe(outcomes_by_layer([layer for layer, _ in now], rows))
        return ahead

    def measure(self, candidates: Asked, passes: int = 1) -> list[Measurement]:
        """Build candidates (layer index, candidate), time them in turn, record them.

        Args:
            candidates: What to measure.
            passes: How often each is timed; one pass after the other, each durable by itself.

        Returns:
            Their rows, pass by pass.
        """
        built = self._build(candidates)
        return [row for _ in range(passes) for row in self._time_and_record(candidates, built)]

    def _build(self, candidates: Asked) -> list[Built]:
        self._show(Phase.BUILDING)
        with self._clock.phase(Phase.BUILDING):
            return self._crew.build([(k, candidate.schedule) for k, candidate in candidates])

    def _time_and_record(self, candidates: Asked, built: Sequence[Built]) -> list[Measurement]:
        self._show(Phase.TIMING)
        with self._clock.phase(Phase.TIMING):
            trials = self._time(candidates, built)
        for trial, item in zip(trials, built, strict=True):
            if trial.cost_s is not None:
                self._crew.keep(trial.layer, trial.candidate.schedule, item, trial.cost_s)
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

    def _quota_beside(self, now: Asked) -> dict[int, int]:
        """Trials of the next round, by layer; none of a layer that would not know of this one's."""
        on_way = _layers(now)
        quota = self._quota(self._config.round_size, on_way)
        return {layer: count for layer, count in quota.items() if layer not in on_way}

    def _quota(self, most: int, on_way: Counter[int]) -> dict[int, int]:
        """Up to `most` trials to ask for, by layer, where so many have no outcome yet."""
        left = self._config.budget.trials_left(self.trials + on_way.total())
        total = most if left is None else min(most, left)
        return allocate(self._records, total, self._config.chunk, on_way)

    def _orders(self, quota: Mapping[int, int]) -> dict[int, Order]:
        return {k: Order(count=count, tips=self._tips(k)) for k, count in quota.items()}

    def _noted(
        self, quota: Mapping[int, int], proposed: Mapping[int, Sequence[Candidate]]
    ) -> Asked:
        """What was proposed, once it is kept."""
        for layer, count in quota.items():
            self._note(layer, count, proposed[layer])
        return [(layer, candidate) for layer in quota for candidate in proposed[layer]]

    def _note(self, layer: int, count: int, candidates: Sequence[Candidate]) -> None:
        """Keep what a layer was asked for; one that gave less is exhausted."""
        if self._asked is not None:
            self._asked.append(layer, candidates)
        self._records[layer].exhausted = len(candidates) < count

    def _measure_defaults(self, prepare: Callable[[], None]) -> None:
        """Every layer's first trial is the default schedule: a winner is never worse than it."""
        layers = [k for k, record in enumerate(self._records) if record.trials == 0]
        layers = layers[: self._config.budget.trials_left(self.trials)]
        defaults = [(k, default_candidate(Stage.DEFAULT)) for k in layers]
        if len(defaults) <= _FEW * self._crew.build_slots:
            # Built sooner than a process that holds layers has started beside them.
            if defaults:
                self.measure(defaults)
            self._prepare(prepare)
            return
        building = self._crew.start_building([(k, default.schedule) for k, default in defaults])
        self._prepare(prepare)
        with self._clock.phase(Phase.BUILDING):
            built = building.result()
        self._time_and_record(defaults, built)

    def _prepare(self, prepare: Callable[[], None]) -> None:
        self._show(Phase.PROPOSING)
        with self._clock.phase(Phase.PROPOSING):
            prepare()

    def _time(self, candidates: Asked, built: Sequence[Built]) -> list[Trial]:
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
    return Candidate.bare("", stage)


def _layers(asked: Asked) -> Counter[int]:
    """How many candidates are of each layer."""
    return Counter(layer for layer, _ in asked)


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
