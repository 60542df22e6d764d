"""Any proposer against a recorded task: its clock is the recorded compile and benchmark time."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from time import perf_counter

import numpy as np

from dgtl_ray.bench.tools.replay_report import ReplayReport, ReplayRun
from dgtl_ray.core.acquisition import ACQUISITION, Acquisition
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.roles import Proposer
from dgtl_ray.core.seeds import stream
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.search import ProposerContext, make_proposer

Telling = Callable[[SourceTask, np.random.Generator], SourceTask]


def replay(
    table: RecordedTable,
    search: str,
    *,
    trials: int,
    seeds: Iterable[int],
    sources: Sequence[RecordedTable] = (),
    source_rows: int = 500,
    told: Telling | None = None,
    batch: int = 8,
    jobs: int = 1,
    make: Callable[[ProposerContext], Proposer] | None = None,
    acquisition: Acquisition = ACQUISITION,
    near: float = 0.0,
) -> ReplayReport:
    """Run a search once for each seed.

    Args:
        table: The task to search.
        search: The proposer's name.
        trials: Of each run.
        seeds: One for each run.
        sources: Recorded tasks that the proposer may learn from beforehand.
        source_rows: Rows of each source that it gets, drawn at random, anew for each seed.
        told: What becomes of each source before the proposer is told of it.
        batch: Configurations that are asked for at a time.
        jobs: Processes that share the seeds; `propose_s` is the truest with one.
        make: Makes the proposer, where the one of that name is not meant as it is.
        acquisition: What it chooses batches by, where it has a model.
        near: A run ends once its best is within this factor of the optimum; 0 for all trials.

    Raises:
        InputError: There is no such proposer, or a source cannot be told in the table's columns.
    """
    one = partial(
        _replay_once,
        table,
        make or partial(make_proposer, search),
        trials=trials,
        sources=sources,
        rows=source_rows,
        told=told,
        batch=batch,
        acquisition=acquisition,
        near=near,
    )
    if jobs > 1:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            runs = tuple(pool.map(one, seeds))
    else:
        runs = tuple(map(one, seeds))
    return ReplayReport(table=table.name, search=search, optimum_s=table.optimum_s, runs=runs)


def draw_sources(
    table: RecordedTable, sources: Sequence[RecordedTable], rows: int, seed: int
) -> tuple[SourceTask, ...]:
    """Source knowledge for `table`: so many random rows of each source, failed ones among them."""
    picked = [
        stream(seed, "history", source.name).permutation(source.space.size)[:rows]
        for source in sources
    ]
    return tuple(
        source.as_source(table.space, some) for source, some in zip(sources, picked, strict=True)
    )


def _replay_once(
    table: RecordedTable,
    make: Callable[[ProposerContext], Proposer],
    seed: int,
    *,
    trials: int,
    sources: Sequence[RecordedTable],
    rows: int,
    told: Telling | None,
    batch: int,
    acquisition: Acquisition,
    near: float,
) -> ReplayRun:
    known = draw_sources(table, sources, rows, seed)
    if told is not None:
        known = tuple(told(source, stream(seed, "told", source.name)) for source in known)
    context = ProposerContext(
        space=table.space,
        seed=seed,
        task_key=table.task_key,
        device=table.device,
        sources=known,
        acquisition=acquisition,
    )
    start = perf_counter()
    clock = _Clock(table, make(context), perf_counter() - start)
    enough_s = near * table.optimum_s
    while clock.trials < trials and clock.step(min(batch, trials - clock.trials)):
        if clock.best_s <= enough_s:
            break
    return clock.run(seed)


class _Clock:
    """Answers a proposer from a table, and adds up what that would have cost."""

    def __init__(self, table: RecordedTable, proposer: Proposer, started_s: float) -> None:
        self._table = table
        self._proposer = proposer
        self._asked: list[int] = []
        self._propose_s: list[float] = []
        self._pending_s = started_s

    @property
    def trials(self) -> int:
        return len(self._asked)

    @property
    def best_s(self) -> float:
        """The best latency so far; infinite before there is one."""
        ok = self._table.cost_s[self._asked]
        return float(np.nanmin(ok)) if np.isfinite(ok).any() else np.inf

    def step(self, n: int) -> bool:
        """Propose, measure and learn of up to `n`; False where nothing is left to propose."""
        table, start = self._table, perf_counter()
        pool = self._proposer.propose(n).pool
        self._pending_s += perf_counter() - start
        if not len(pool):
            return False
        index = table.space.index_of(pool)
        status = [table.status[k] for k in index]
        start = perf_counter()
        self._proposer.observe(pool, table.cost_s[index], status, table.spent_s[index])
        self._asked += index.tolist()
        self._propose_s += [self._pending_s + perf_counter() - start] + [0.0] * (len(pool) - 1)
        self._pending_s = 0.0
        return True

    def run(self, seed: int) -> ReplayRun:
        table = self._table
        best_s = np.fmin.accumulate(table.cost_s[self._asked]) if self._asked else np.array([])
        return ReplayRun(
            seed=seed,
            best_s=tuple(None if np.isnan(best) else float(best) for best in best_s),
            cost_s=tuple(np.cumsum(table.spent_s[self._asked]).tolist()),
            status=tuple(table.status[k] for k in self._asked),
            propose_s=tuple(self._propose_s),
        )
