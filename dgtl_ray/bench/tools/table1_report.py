"""The paper's table from what was run, as tables and figures."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean, median
from typing import Any, Self

from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.engine.clock import SearchTime

DGTL, AUTOTVM, CHAMELEON, METASCHEDULE = "dgtl", "autotvm", "chameleon", "metaschedule"
# HV against AutoTVM of the paper's tables (Sun et al. 2021), on a GPU of its time.
PAPER_HV: Mapping[str, Mapping[str, float]] = {
    "mobilenet_v1": {DGTL: 9.92},
    "alexnet": {DGTL: 4.56, CHAMELEON: 4.24},
    "vgg16": {DGTL: 3.26, CHAMELEON: 2.84},
    "resnet18": {DGTL: 3.64, CHAMELEON: 3.19},
}
NOT_COMPARABLE = (
    "the paper's figures are of one GPU, its own design spaces and TVM of its time; ours are of "
    "this CPU: only the order of contenders and the size of reductions can be compared"
)
FAVOURS = (
    "MetaSchedule's builders are started before its clock and kept warm; TVM's own are started "
    "anew for each round, and build nothing within their limit of 30 s on a slow machine"
)
_SEARCH_SAVED, _LATENCY_SAVED, _HV = "search time saved (%)", "latency saved (%)", "HV"
REDUCTIONS = (_SEARCH_SAVED, _LATENCY_SAVED, _HV)
_SHARE, _AT_EQUAL_TIME = "share of its search", "ours ÷ it at equal time"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contender on one network.

    Attributes:
        began: When its search did, in UTC: rows of one sitting follow one another.
        search_s: All in.
        latency_s: Of the network with its winners, timed in turn with the others.
        above_best: By what share its layers, each by itself, are slower than the best that any
            contender with the same timing found of each; None for one with its own.
        equal_trials: As many as it and ours both ran.
        equal_search_s: Its search time until so many.
        equal_latency_s: Latency after so many, as its measurements of layers tell it.
        ours_equal_search_s: Our search time until so many.
        ours_equal_latency_s: Our latency after so many.
        settled_s: Its own search time until its layers were within 1 % of where it ended: what
            comes after that is its stopping rule's. None in rows of earlier versions.
        reached_by_ours_s: Search time until ours was as fast as this one in the end; None where it
            never was.
        ours_at_its_end_s: Our latency when this one had ended its search.
        spent: By phase, where the tuner tells it.
    """

    network: str
    seed: int
    contender: str
    began: str
    search_s: float
    trials: int
    failed: int
    latency_s: float
    above_best: float | None
    equal_trials: int
    equal_search_s: float
    equal_latency_s: float
    ours_equal_search_s: float
    ours_equal_latency_s: float
    settled_s: float | None = None
    reached_by_ours_s: float | None
    ours_at_its_end_s: float
    spent: SearchTime | None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """From a row's fields, as JSON holds them."""
        spent = told["spent"]
        return cls(**{**told, "spent": None if spent is None else SearchTime(**spent)})


def reported(rows: Sequence[Row], settings: Mapping[str, Any]) -> BenchReport:
    """All tables of what was run."""
    groups = _by_network(rows)
    contest = [_contest(network, name, of) for network, of in groups.items() for name in of]
    return BenchReport(
        name="table1",
        tables=[
            BenchTable(title="search and latency; reductions against AutoTVM", rows=contest),
            BenchTable(title="until ours is as fast as a rival in the end", rows=_reaching(groups)),
            BenchTable(title="at equally many trials", rows=_equal(groups)),
            BenchTable(title="where search time went, shares", rows=_spent(rows)),
        ],
        figures=_figures(groups),
        settings={**settings, "not comparable": NOT_COMPARABLE, "in a rival's favour": FAVOURS},
    )


def markdown(report: BenchReport) -> str:
    """The report as a page: what it is not, its tables, and what it was run with."""
    facts = [f"- {name}: {text}" for name, text in report.facts() if name not in report.figures]
    return "\n".join([NOT_COMPARABLE + ".\n", *map(_markdown, report.tables), *facts]) + "\n"


_Groups = Mapping[str, Mapping[str, Sequence[Row]]]


def _by_network(rows: Sequence[Row]) -> dict[str, dict[str, list[Row]]]:
    """Rows by network and contender."""
    groups: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        groups.setdefault(row.network, {}).setdefault(row.contender, []).append(row)
    return groups


def _contest(network: str, name: str, of: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    rows = of[name]
    times_s = [row.search_s for row in rows]
    saved, faster = _reductions(of, name, AUTOTVM)
    return {
        "network": network,
        "contender": name,
        "began (UTC)": min(row.began for row in rows),
        "search (s)": median(times_s),
        "spread (s)": _spread(times_s),
        "trials": round(median(row.trials for row in rows)),
        "failed": round(median(row.failed for row in rows)),
        "latency (ms)": 1e3 * _latency_s(rows),
        "spread (ms)": _spread([1e3 * row.latency_s for row in rows]),
        "layers above the best of all (%)": _above_best(rows),
        _SEARCH_SAVED: saved,
        _LATENCY_SAVED: faster,
        _HV: None if saved is None or faster is None else hypervolume(saved, faster),
        "the paper's HV": PAPER_HV.get(network, {}).get(name),
    }


def _spread(values: Sequence[float]) -> str | None:
    """From the least to the most, where there are several."""
    return f"{min(values):.4g} to {max(values):.4g}" if len(values) > 1 else None


def _latency_s(rows: Sequence[Row]) -> float:
    return median(row.latency_s for row in rows)


def _above_best(rows: Sequence[Row]) -> float | None:
    """By how many per cent; for AutoTVM it is what others could save, as far as anybody knows."""
    shares = [row.above_best for row in rows if row.above_best is not None]
    return 100 * median(shares) if shares else None


def _reductions(
    of: Mapping[str, Sequence[Row]], name: str, rival: str
) -> tuple[float | None, float | None]:
    """By how many per cent a contender's search time and latency are below a rival's."""
    if rival not in of or name == rival:
        return None, None
    search_s = [median(row.search_s for row in of[one]) for one in (name, rival)]
    latency_s = [_latency_s(of[one]) for one in (name, rival)]
    return _saved(*search_s), _saved(*latency_s)


def _saved(ours: float, theirs: float) -> float:
    """Per cent of theirs."""
    return 100 * (1 - ours / theirs)


def hypervolume(saved: float, faster: float) -> float:
    """HV as the paper has it: the product of both reductions, per cent of per cent.

    Two losses are no gain: then it is negative, too.
    """
    return (-1 if saved < 0 and faster < 0 else 1) * saved * faster / 100


def _reaching(groups: _Groups) -> list[dict[str, Any]]:
    return [_reached(network, name, rows) for network, name, rows in _rivals(groups)]


def _reached(network: str, rival: str, rows: Sequence[Row]) -> dict[str, Any]:
    search_s = median(row.search_s for row in rows)
    ours_s = _median([row.reached_by_ours_s for row in rows])
    return {
        "network": network,
        "rival": rival,
        "its latency (ms)": 1e3 * _latency_s(rows),
        "its search (s)": search_s,
        "within 1 % of its end after (s)": _median([row.settled_s for row in rows]),
        "ours reached it after (s)": ours_s,
        _SHARE: None if ours_s is None else ours_s / search_s,
        _AT_EQUAL_TIME: median(row.ours_at_its_end_s / row.latency_s for row in rows),
    }


def _median(times_s: Sequence[float | None]) -> float | None:
    """None where one of them is not known."""
    known = [one for one in times_s if one is not None]
    return median(known) if len(known) == len(times_s) else None


def _equal(groups: _Groups) -> list[dict[str, Any]]:
    return [_at_equal_trials(network, name, rows) for network, name, rows in _rivals(groups)]


def _at_equal_trials(network: str, rival: str, rows: Sequence[Row]) -> dict[str, Any]:
    ours_s = median(row.ours_equal_search_s for row in rows)
    rival_s = median(row.equal_search_s for row in rows)
    latencies_s = [
        median(row.ours_equal_latency_s for row in rows),
        median(row.equal_latency_s for row in rows),
    ]
    # A rival that goes layer by layer may not have come to all of them by then.
    known = all(map(math.isfinite, latencies_s))
    saved, faster = _saved(ours_s, rival_s), _saved(*latencies_s) if known else None
    ours_ms, rival_ms = (1e3 * s if math.isfinite(s) else None for s in latencies_s)
    return {
        "network": network,
        "rival": rival,
        "trials": round(median(row.equal_trials for row in rows)),
        "ours (s)": ours_s,
        "rival (s)": rival_s,
        "ours (ms)": ours_ms,
        "rival (ms)": rival_ms,
        _SEARCH_SAVED: saved,
        _LATENCY_SAVED: faster,
        _HV: None if faster is None else hypervolume(saved, faster),
    }


def _rivals(groups: _Groups) -> Iterator[tuple[str, str, Sequence[Row]]]:
    """Each network with each rival of ours, and the rival's rows."""
    for network, of in groups.items():
        for name, rows in of.items():
            if name != DGTL:
                yield network, name, rows


def _spent(rows: Sequence[Row]) -> list[dict[str, Any]]:
    told = []
    for row in rows:
        if row.spent is not None:
            total_s = row.spent.total
            parts = {k: v / total_s for k, v in row.spent.as_dict().items() if k != "total"}
            told.append(
                {"network": row.network, "contender": row.contender, "seed": row.seed}
                | parts
                | {"sum": sum(parts.values())}
            )
    return told


def _figures(groups: _Groups) -> dict[str, float]:
    figures = {}
    for network, rival, _ in _rivals(groups):
        saved, faster = _reductions(groups[network], DGTL, rival)
        if saved is not None and faster is not None:
            figures[f"{network}: search time saved to {rival} (%)"] = saved
            figures[f"{network}: latency saved to {rival} (%)"] = faster
            figures[f"{network}: HV to {rival}"] = hypervolume(saved, faster)
    return figures | _means(_reaching(groups))


def _means(reaching: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Geometric means over networks, for each rival; none where one was never reached."""
    means = {}
    for rival in dict.fromkeys(row["rival"] for row in reaching):
        for title in (_SHARE, _AT_EQUAL_TIME):
            values = [row[title] for row in reaching if row["rival"] == rival]
            if all(value is not None and math.isfinite(value) for value in values):
                means[f"{rival}: {title}, mean of {len(values)} networks"] = geometric_mean(values)
    return means


def _markdown(table: BenchTable) -> str:
    if not table.rows:
        return ""
    names = list(table.rows[0])
    lines = [names, ["---"] * len(names), *([_cell(row[n]) for n in names] for row in table.rows)]
    return f"## {table.title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
