"""What the model costs: pre-training by rows, a batch by measurements and by pool."""

import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dgtl_ray.bench.tools.lattice import Lattice
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.measurement import Status
from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.dgtl import DgtlProposer
from dgtl_ray.search.dgtl_config import DgtlConfig
from dgtl_ray.space.descriptors import NO_DEVICE
from dgtl_ray.transfer.pretraining import Pretrained, pretrain

SOURCES = 4
BATCH = 16


def run(*, quick: bool) -> BenchReport:
    """CPU seconds and memory on one core; `quick` leaves out all that takes more than seconds."""
    rows = (500, 2_000) if quick else (500, 2_000, 10_000, 100_000)
    pools = (2_000, 20_000) if quick else (2_000, 8_000, 20_000, 50_000)
    measured = (64,) if quick else (16, 64, 200, 500)
    trained = [_pretraining(count) for count in rows]
    sources = _sources(2_000)
    model = pretrain(sources)
    by_history = [_batch(64, 20_000, history, None) for history in (0, 500, 2_000)]
    by_measured = [_batch(count, 20_000, 2_000, (sources, model)) for count in measured]
    by_pool = [_batch(64, pool, 2_000, (sources, model)) for pool in pools]
    return BenchReport(
        name="model",
        tables=[
            BenchTable(title="pre-training", rows=trained),
            BenchTable(title=f"a batch of {BATCH}, by history", rows=by_history),
            BenchTable(title=f"a batch of {BATCH}, by measurements", rows=by_measured),
            BenchTable(title=f"a batch of {BATCH}, by pool", rows=by_pool),
        ],
        figures={},
        settings={"sources": SOURCES, "knobs": 12, "quick": quick},
    )


def _sources(rows: int) -> tuple[SourceTask, ...]:
    """So many rows in all, shared by a few devices."""
    return tuple(
        Lattice().source(replace(NO_DEVICE, name=f"{k} cores", cores=k), rows // SOURCES, k)
        for k in range(2, 2 + SOURCES)
    )


def _pretraining(rows: int) -> dict[str, Any]:
    sources = _sources(rows)
    start = time.process_time()
    pretrain(sources)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"rows": rows, "cpu_s": time.process_time() - start, "peak_gib": peak}


def _batch(
    measured: int,
    pool: int,
    history: int,
    known: tuple[Sequence[SourceTask], Pretrained] | None,
) -> dict[str, Any]:
    """CPU seconds of the second batch after so many measurements: the model's update included."""
    space = Lattice()
    sources, model = known or (_sources(history) if history else (), None)
    context = ProposerContext(
        space=space, seed=0, task_key="lattice", device=NO_DEVICE, sources=tuple(sources)
    )
    proposer = DgtlProposer(context, DgtlConfig(standing=pool), pretrained=model)
    for count in (measured - BATCH, BATCH):
        rows = proposer.propose(BATCH).pool
        more = space.sample(max(count - BATCH, 0), np.random.default_rng(count))
        rows = np.concatenate([rows, more])[:count]
        proposer.observe(rows, space.latency_s(rows), [Status.OK] * len(rows), np.ones(len(rows)))
    start = time.process_time()
    proposer.propose(BATCH)
    return {
        "measured": measured,
        "pool": pool,
        "history": history,
        "cpu_s": time.process_time() - start,
    }
