"""Random small graphs, taken from the file to their answers; what goes wrong is counted."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
from rich.console import Console

from dgtl_ray.bench.graphs.examiner import Examiner
from dgtl_ray.bench.graphs.making import make_graph
from dgtl_ray.bench.graphs.minimising import minimise
from dgtl_ray.bench.graphs.outcome import BAD, Kind, Outcome
from dgtl_ray.bench.tools.report import BenchReport, BenchTable

_COUNT, _QUICK_COUNT = 500, 4
_NOTE_EVERY = 50


@dataclass(frozen=True, kw_only=True)
class _Case:
    """A graph, what became of it, and the part that is to blame where it is bad."""

    number: int
    outcome: Outcome
    model: onnx.ModelProto


def run(
    *, quick: bool, seed: int = 0, count: int | None = None, runs: Path | None = None
) -> BenchReport:
    """Counts by what became of the graphs, and a row for each that went wrong.

    Args:
        quick: A handful of graphs.
        seed: Of all graphs.
        count: How many; 500 without.
        runs: Folder that keeps the smallest failing part of each graph that is not right.
    """
    number = count or (_QUICK_COUNT if quick else _COUNT)
    console = Console(stderr=True)
    with TemporaryDirectory() if runs is None else nullcontext(runs) as place:
        folder = Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        with closing(Examiner(folder)) as examiner:
            cases = []
            for k in range(number):
                cases.append(_examine(examiner, seed, k))
                if (k + 1) % _NOTE_EVERY == 0:
                    console.print(f"{k + 1} graphs: {_counts(cases)}", highlight=False)
    return _report(cases, {"seed": seed, "graphs": number, "quick": quick})


def _examine(examiner: Examiner, seed: int, number: int) -> _Case:
    """One graph; one that goes wrong is made as small as it can be."""
    model = make_graph(seed, number)
    name = f"{seed}-{number}"
    outcome = examiner.examine(model, name)
    if outcome.kind in (Kind.RIGHT, Kind.NO_REFERENCE):
        examiner.forget(name)
        return _Case(number=number, outcome=outcome, model=model)
    if outcome.kind is Kind.HANG:  # parts would take as long, each
        return _Case(number=number, outcome=outcome, model=model)

    def fails(part: onnx.ModelProto) -> bool:
        return examiner.examine(part, f"{name}-part").kind is outcome.kind

    smallest = minimise(model, fails)
    outcome = examiner.examine(smallest, name)
    examiner.forget(f"{name}-part")
    return _Case(number=number, outcome=outcome, model=smallest)


def _counts(cases: Sequence[_Case]) -> dict[str, int]:
    counted = Counter(case.outcome.kind for case in cases)
    return {kind.value: counted[kind] for kind in Kind}


def _report(cases: Sequence[_Case], settings: dict[str, Any]) -> BenchReport:
    rows = [
        {
            "graph": case.number,
            "outcome": case.outcome.kind.value,
            "operators": " ".join(node.op_type for node in case.model.graph.node),
            "why": case.outcome.why,
        }
        for case in cases
        if case.outcome.kind is not Kind.RIGHT
    ]
    return BenchReport(
        name="graphs",
        tables=[BenchTable(title="graphs that are not right", rows=rows)] if rows else [],
        figures={
            **_counts(cases),
            "must be 0": sum(case.outcome.kind in BAD for case in cases),
        },
        settings=settings,
    )
