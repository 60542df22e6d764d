"""Whole networks: tuned modules beside the runtimes that users have, on a quiet and a busy machine.

All contenders run the same network on the same input, in float32, one inference at a time, on the
same number of threads, each in a process of its own. They are timed in turn, in one run: first
while nothing else runs, then beside a program that keeps one core busy.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dgtl_ray.bench.tools.busy import WHAT, BusyCore
from dgtl_ray.bench.tools.entrants import Entrant, enter_all
from dgtl_ray.bench.tools.load import OtherLoad
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.tuned_run import tuned_run
from dgtl_ray.configs import TuneConfig
from dgtl_ray.core.child import ChildContender
from dgtl_ray.core.cores import available_cores
from dgtl_ray.core.cpu_info import cpu_info
from dgtl_ray.core.errors import InputError
from dgtl_ray.deploy import module_contender
from dgtl_ray.measure.latency import Contest, Latency
from dgtl_ray.peers import PEERS, installed, missing_note, peer_contender

TUNED = "tuned"
_RUNS = Path("runs") / "networks"
_SEARCH_S = 900.0
_QUICK_SEARCH_S = 5.0
_ROUNDS = 8
_MIN_TIME_S = 0.4
_QUICK_MIN_TIME_S = 0.02
_QUIET, _BUSY = "quiet", "busy"


@dataclass(frozen=True, kw_only=True)
class _How:
    """How all networks are compared.

    Attributes:
        peers: Names of the other runtimes.
        rounds: Turns of each contender.
        min_time_s: Of a turn.
        busy: Whether they are timed beside a busy program, too.
    """

    peers: Sequence[str]
    threads: int
    rounds: int
    min_time_s: float
    busy: bool


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """One network.

    Attributes:
        latency: By contender, on the machine as it was in each of its states.
        others: What other programs used of the CPU while it was quiet.
        error: Largest relative error of each contender's answers.
    """

    entrant: Entrant
    latency: Mapping[str, Mapping[str, Latency]]
    others: float
    error: Mapping[str, float | None]


def run(
    *,
    quick: bool,
    networks: Sequence[str] = (),
    modules: Sequence[str] = (),
    peers: Sequence[str] = (),
    runs: Path | None = None,
    history: Sequence[str] = (),
    time_budget: float | None = None,
    threads: int | None = None,
    rounds: int | None = None,
    busy: bool = True,
    tuned: bool = True,
) -> BenchReport:
    """Medians, 90th percentiles and ratios of each network; `quick` searches for seconds.

    Args:
        quick: A smoke run.
        networks: What is compared: built-in names, `resnet50`, `vit_tiny`, `bert_small` (exported
            to ONNX first), ONNX files, factories.
        modules: Folder of a tuned module for each network; without, each is tuned first.
        peers: Names of other runtimes; without, all that are installed.
        runs: Folder of the runs, one for each network, and of what other runtimes take. What is
            finished there is used again.
        history: Histories to learn from.
        time_budget: Seconds of search for each network, 15 minutes without.
        threads: Of every contender; as many as there are cores without.
        rounds: Turns of each contender.
        busy: Whether they are timed beside a busy program, too.
        tuned: Whether there is a tuned module among the contenders.

    Raises:
        InputError: No network was named, not one module for each, or there is no such runtime.
    """
    _check(networks, modules, peers)
    how = _How(
        peers=list(peers) or list(PEERS),
        threads=threads or available_cores(),
        rounds=rounds or (1 if quick else _ROUNDS),
        min_time_s=_QUICK_MIN_TIME_S if quick else _MIN_TIME_S,
        busy=busy,
    )
    seconds = time_budget or (_QUICK_SEARCH_S if quick else _SEARCH_S)
    with TemporaryDirectory() if quick and runs is None else nullcontext(runs or _RUNS) as place:
        folder = Path(place)
        entrants = enter_all(networks, folder / "peers")
        found = dict(zip((e.name for e in entrants), modules, strict=False))
        if tuned and not found:
            found = {e.name: _tune(e, folder, seconds, history) for e in entrants}
        outcomes = [_compare(e, found.get(e.name), how) for e in entrants]
    return _report(outcomes, how, {"search (s)": seconds if tuned and not modules else None})


def _check(networks: Sequence[str], modules: Sequence[str], peers: Sequence[str]) -> None:
    if not networks:
        raise InputError("bench networks needs networks: dgtl bench networks resnet18 FILE.onnx")
    if modules and len(modules) != len(networks):
        raise InputError(f"{len(modules)} modules for {len(networks)} networks: give one for each")
    if unknown := [name for name in peers if name not in PEERS]:
        raise InputError(f"no runtime {', '.join(unknown)}: there are {', '.join(PEERS)}")


def _tune(entrant: Entrant, folder: Path, seconds: float, history: Sequence[str]) -> str:
    """Folder of the tuned module."""
    config = TuneConfig(search_alg="dgtl", time_budget_s=seconds)
    name = re.sub(r"[^\w.-]+", "_", entrant.name)
    return str(tuned_run(folder / name, entrant.spec, config, history).folder.module)


def _compare(entrant: Entrant, module: str | None, how: _How) -> _Outcome:
    contenders = _contenders(entrant, module, how)
    others = OtherLoad()
    latency = {}
    with Contest(contenders) as contest:
        with others:
            latency[_QUIET] = contest.time(rounds=how.rounds, min_time_s=how.min_time_s)
        if how.busy:
            with BusyCore():
                latency[_BUSY] = contest.time(rounds=how.rounds, min_time_s=how.min_time_s)
    return _Outcome(
        entrant=entrant,
        latency=latency,
        others=others.share,
        error={one.name: one.largest_error for one in contenders},
    )


def _contenders(entrant: Entrant, module: str | None, how: _How) -> list[ChildContender]:
    ours = []
    if module is not None:
        folder = entrant.kept.folder
        ours = [module_contender(TUNED, module, example=folder, threads=how.threads)]
    peers = [peer for peer in installed(how.peers) if peer.reads_onnx or entrant.torch_spec]
    return ours + [
        peer_contender(peer, entrant.kept, spec=entrant.torch_spec, threads=how.threads)
        for peer in peers
    ]


def _report(outcomes: Sequence[_Outcome], how: _How, more: Mapping[str, Any]) -> BenchReport:
    states = [_QUIET, _BUSY] if how.busy else [_QUIET]
    tables = [_table(outcome, state) for outcome in outcomes for state in states]
    figures = {
        f"{outcome.entrant.name}: CPU of other programs while quiet": outcome.others
        for outcome in outcomes
    }
    settings = {
        "cpu": cpu_info().get("model name", ""),
        "threads": how.threads,
        "rounds": how.rounds,
        "busy": WHAT if how.busy else "",
        "left out": missing_note(how.peers),
        **more,
    }
    ratios = [_ratios(outcomes, state) for state in states]
    return BenchReport(
        name="networks",
        tables=[*tables, *(table for table in ratios if table.rows)],
        figures=figures,
        settings={name: value for name, value in settings.items() if value},
    )


def _table(outcome: _Outcome, state: str) -> BenchTable:
    latency = outcome.latency[state]
    tuned = latency.get(TUNED)
    rows = [
        {
            "runtime": _title(name),
            "median (ms)": _ms(one.median_s),
            "p90 (ms)": _ms(one.high_s),
            "tuned ÷ this": _ratio(tuned, one),
            "error": f"{error:.1e}" if (error := outcome.error[name]) is not None else None,
            "runs": one.runs,
            "why not": one.error,
        }
        for name, one in latency.items()
    ]
    return BenchTable(title=f"{outcome.entrant.name}, {state} machine", rows=rows)


def _ratios(outcomes: Sequence[_Outcome], state: str) -> BenchTable:
    """Tuned ÷ each of the others, and ÷ the fastest of them; no rows where none was tuned."""
    rows = []
    for outcome in outcomes:
        latency = dict(outcome.latency[state])
        tuned = latency.pop(TUNED, None)
        if tuned is None or tuned.median_s is None:
            continue
        ratios = {_title(name): _ratio(tuned, one) for name, one in latency.items()}
        largest = max((ratio for ratio in ratios.values() if ratio is not None), default=None)
        rows.append({"network": outcome.entrant.name, **ratios, "the fastest": largest})
    return BenchTable(title=f"tuned ÷ others, medians, {state} machine", rows=rows)


def _title(name: str) -> str:
    return PEERS[name].title if name in PEERS else name


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3


def _ratio(tuned: Latency | None, other: Latency) -> float | None:
    if tuned is None or tuned.median_s is None or other.median_s is None:
        return None
    return tuned.median_s / other.median_s
