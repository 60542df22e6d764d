"""What ships with the package, on networks that it does not hold: how much search it saves.

Each network is tuned without any history, with what ships in a quarter of the time, and with what
ships in the same time. The three modules are then timed in turn, so that a slow moment of the
machine counts for none of them.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dgtl_ray.bench.tools.entrants import Entrant, enter_all
from dgtl_ray.bench.tools.finished_run import FinishedRun
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.tuned_run import tuned_run
from dgtl_ray.configs import TuneConfig
from dgtl_ray.core.cores import available_cores
from dgtl_ray.deploy import module_contender
from dgtl_ray.history import BUILTIN
from dgtl_ray.measure.latency import Contest, Latency

_NETWORKS = ("resnet50", "squeezenet")
_SEARCH_S, _QUICK_SEARCH_S = 480.0, 8.0
# Part of the search time that is to be enough with what ships.
SHARE = 0.25
_WITHOUT, _SHORT, _WITH = "without", "with, a quarter of the time", "with"
_ROUNDS, _MIN_TIME_S, _QUICK_MIN_TIME_S = 8, 0.4, 0.02


def run(
    *,
    quick: bool,
    networks: Sequence[str] = (),
    runs: Path | None = None,
    time_budget: float | None = None,
    rounds: int | None = None,
) -> BenchReport:
    """Latency of each network by search; `quick` searches for seconds.

    Args:
        quick: A smoke run.
        networks: As `bench networks` takes them; ResNet-50 and SqueezeNet 1.1 without.
        runs: Folder of the runs; what is finished there is used again.
        time_budget: Seconds of the long searches, eight minutes without.
        rounds: Turns of each module.

    Raises:
        DgtlError: A network cannot be exported or tuned, or the folder holds other runs.
    """
    seconds = time_budget or (_QUICK_SEARCH_S if quick else _SEARCH_S)
    min_time_s = _QUICK_MIN_TIME_S if quick else _MIN_TIME_S
    turns = rounds or (1 if quick else _ROUNDS)
    with TemporaryDirectory() if runs is None else nullcontext(runs) as place:
        folder = Path(place)
        entrants = enter_all(networks or _NETWORKS, folder / "peers")
        rows = [_row(entrant, folder, seconds, turns, min_time_s) for entrant in entrants]
    return BenchReport(
        name="shipped",
        tables=[BenchTable(title="what ships: latency by search", rows=rows)],
        figures={
            f"{row['network']}: {title}": row[title]
            for row in rows
            for title in (_ratio_title(_SHORT), _ratio_title(_WITH))
        },
        settings={"search (s)": seconds, "rounds": turns, "quick": quick},
    )


def _row(
    entrant: Entrant, folder: Path, seconds: float, rounds: int, min_time_s: float
) -> dict[str, Any]:
    """One network: tuned in three ways, and timed in turn."""
    found = {
        name: _tuned(folder / f"{entrant.name}-{part}", entrant, budget_s, history)
        for name, part, budget_s, history in (
            (_WITHOUT, "without", seconds, ()),
            (_SHORT, "short", SHARE * seconds, (BUILTIN,)),
            (_WITH, "with", seconds, (BUILTIN,)),
        )
    }
    contenders = [
        module_contender(
            name, one.folder.module, example=entrant.kept.folder, threads=available_cores()
        )
        for name, one in found.items()
    ]
    with Contest(contenders) as contest:
        latency = contest.time(rounds=rounds, min_time_s=min_time_s)
    return {
        "network": entrant.name,
        **{f"{name} (ms)": _ms(latency[name]) for name in found},
        **{_ratio_title(name): _ratio(latency, name) for name in (_SHORT, _WITH)},
        **{f"{name}: all in (s)": one.search_s for name, one in found.items()},
    }


def _tuned(folder: Path, entrant: Entrant, seconds: float, history: Sequence[str]) -> FinishedRun:
    config = TuneConfig(search_alg="dgtl", time_budget_s=seconds, min_gain=0.0)
    return tuned_run(folder, entrant.spec, config, history)


def _ratio_title(name: str) -> str:
    return f"{name} ÷ {_WITHOUT}"


def _ratio(latency: Mapping[str, Latency], name: str) -> float | None:
    ours, theirs = latency[name].median_s, latency[_WITHOUT].median_s
    return None if ours is None or theirs is None else ours / theirs


def _ms(one: Latency) -> float | None:
    return None if one.median_s is None else one.median_s * 1e3
