"""The paper's table from what was run: printed, and kept as JSON, Parquet and Markdown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.core.errors import InputError
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
_JSON, _PARQUET, _MARKDOWN = "table1.json", "table1.parquet", "table1.md"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contender on one network.

    Attributes:
        search_s: All in.
        latency_s: Of the network with its winners, timed in turn with the others.
        above_best: By what share its layers, each by itself, are slower than the best that any
            contender with the same timing found of each; None for one with its own.
        fewest_trials: Of all contenders.
        at_fewest_s: Latency after so many trials of its own, as its measurements of layers tell it.
        reached_by_ours_s: Search time until ours was as fast as this one in the end; None where it
            never was.
        ours_at_its_end_s: Our latency when this one had ended its search.
        spent: By phase, where the tuner tells it.
    """

    network: str
    seed: int
    contender: str
    search_s: float
    trials: int
    failed: int
    latency_s: float
    above_best: float | None
    fewest_trials: int
    at_fewest_s: float
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
        settings={**settings, "not comparable": NOT_COMPARABLE},
    )


def keep(report: BenchReport, rows: Sequence[Row], folder: Path) -> None:
    """Write the table into a folder, for people and for programs."""
    (folder / _JSON).write_text(json.dumps(report.as_dict(), indent=1))
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows]), folder / _PARQUET)
    (folder / _MARKDOWN).write_text("\n".join(map(_markdown, report.tables)))


def shown(folder: Path) -> BenchReport:
    """What was kept.

    Raises:
        InputError: There is none.
    """
    try:
        told = json.loads((folder / _JSON).read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} holds no table: {error}") from error
    return BenchReport(
        name=told["name"],
        tables=[BenchTable(title=title, rows=rows) for title, rows in told["tables"].items()],
        figures=told["figures"],
        settings=told["settings"],
        machine=told["machine"],
    )


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
        "search (s)": median(times_s),
        "spread (s)": f"{min(times_s):.0f} to {max(times_s):.0f}" if len(rows) > 1 else None,
        "trials": round(median(row.trials for row in rows)),
        "failed": round(median(row.failed for row in rows)),
        "latency (ms)": 1e3 * _latency_s(rows),
        "layers above the best of all (%)": _above_best(rows),
        "search time saved (%)": saved,
        "latency saved (%)": faster,
        "HV": _hv(of, name, AUTOTVM),
        "the paper's HV": PAPER_HV.get(network, {}).get(name),
    }


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
    return 100 * (1 - search_s[0] / search_s[1]), 100 * (1 - latency_s[0] / latency_s[1])


def _hv(of: Mapping[str, Sequence[Row]], name: str, rival: str) -> float | None:
    """Hypervolume as the paper has it: the product of both reductions, per cent of per cent."""
    saved, faster = _reductions(of, name, rival)
    return None if saved is None or faster is None else saved * faster / 100


def _reaching(groups: _Groups) -> list[dict[str, Any]]:
    rows = []
    for network, of in groups.items():
        for name in (name for name in of if name != DGTL):
            search_s = median(row.search_s for row in of[name])
            reached = [row.reached_by_ours_s for row in of[name]]
            known = [seconds for seconds in reached if seconds is not None]
            ours_s = median(known) if len(known) == len(reached) else None
            rows.append(
                {
                    "network": network,
                    "rival": name,
                    "its latency (ms)": 1e3 * _latency_s(of[name]),
                    "its search (s)": search_s,
                    "ours reached it after (s)": ours_s,
                    "share of its search": None if ours_s is None else ours_s / search_s,
                    "ours ÷ it at equal time": median(
                        row.ours_at_its_end_s / row.latency_s for row in of[name]
                    ),
                }
            )
    return rows


def _equal(groups: _Groups) -> list[dict[str, Any]]:
    return [
        {
            "network": network,
            "trials": median(row.fewest_trials for row in next(iter(of.values()))),
            **{
                f"{name} (ms)": 1e3 * median(row.at_fewest_s for row in rows)
                for name, rows in of.items()
            },
        }
        for network, of in groups.items()
    ]


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
    for network, of in groups.items():
        for rival in (name for name in of if name != DGTL):
            saved, faster = _reductions(of, DGTL, rival)
            if saved is not None and faster is not None:
                figures[f"{network}: search time saved to {rival} (%)"] = saved
                figures[f"{network}: latency saved to {rival} (%)"] = faster
                figures[f"{network}: HV to {rival}"] = saved * faster / 100
    return figures


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
