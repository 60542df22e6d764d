"""The paper's table: four networks, search time and latency of ours and of other tuners.

One network after the other, all contenders in turn on one machine. AutoTVM's and CHAMELEON's
methods search our design spaces with our builds and timing; MetaSchedule has the same layers and
its own search, cost model and timing. Ours learns from what ships of the other networks, never of
the target itself. The winners are timed again in the network, in turn.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.compute as pc

from dgtl_ray.bench.tools.kept import Kept
from dgtl_ray.bench.tools.report import BenchReport
from dgtl_ray.bench.tools.searched import Searched, best_of_all_s, metaschedule, searched
from dgtl_ray.bench.tools.table1_report import (
    AUTOTVM,
    CHAMELEON,
    DGTL,
    METASCHEDULE,
    Row,
    keep,
    reported,
    shown,
)
from dgtl_ray.bench.tools.tuned_run import tuned_run
from dgtl_ray.configs import TuneConfig
from dgtl_ray.core.errors import InputError
from dgtl_ray.deploy import module_contender
from dgtl_ray.history import BUILTIN, ParquetHistory, add_rows
from dgtl_ray.measure.cpu import available_cores
from dgtl_ray.measure.host import describe_cpu_host
from dgtl_ray.measure.latency import Contest, Latency
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.peers import keep_network

NETWORKS = ("mobilenet_v1", "alexnet", "vgg16", "resnet18")
CONTENDERS = (DGTL, AUTOTVM, CHAMELEON, METASCHEDULE)
# Rivals end by their own rule: no limit of time.
_DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How much each contender searches, and how its module is timed.

    Attributes:
        layer_trials: Of a rival, for each layer at most.
        patience: Of AutoTVM's and CHAMELEON's methods: a layer ends after so many without a gain.
        search_s: Ours at most.
        min_gain: Ours ends when so little of the latency, or less, is expected to be left to gain.
    """

    layer_trials: int
    patience: int
    search_s: float
    rounds: int
    min_time_s: float
    min_gain: float = 0.05


_FULL = _Size(layer_trials=300, patience=100, search_s=480.0, rounds=16, min_time_s=0.4)
_QUICK = _Size(layer_trials=2, patience=2, search_s=4.0, rounds=1, min_time_s=0.02)


def run(
    *,
    quick: bool,
    networks: Sequence[str] = (),
    searches: Sequence[str] = (),
    history: Sequence[str] = (),
    runs: Path | None = None,
    seeds: int | None = None,
    time_budget: float | None = None,
    show: bool = False,
) -> BenchReport:
    """Search time, trials and latency by network and contender; kept in the folder of the runs.

    Args:
        quick: A smoke run.
        networks: Of the four; all without.
        searches: Contenders; all without. `dgtl` is always one of them.
        history: What ours learns from, instead of what ships of the other networks.
        runs: Folder that keeps runs and table; what is finished there is not run again.
        seeds: Runs of each contender.
        time_budget: Seconds of ours at most.
        show: Print what the folder has, and run nothing.

    Raises:
        InputError: No folder was given, an unknown contender, or runs of another kind of machine.
    """
    if runs is None and not quick:
        raise InputError("bench table1 keeps runs that take long: give their folder by --runs")
    if unknown := set(searches) - set(CONTENDERS):
        raise InputError(f"no contender {sorted(unknown)}: there are {list(CONTENDERS)}")
    if show and runs is not None:
        return shown(runs)
    names = [name for name in CONTENDERS if not searches or name in (DGTL, *searches)]
    size = _QUICK if quick else _FULL
    with TemporaryDirectory() if runs is None else nullcontext(runs) as place:
        folder = Path(place)
        kept = Kept[list[Row]](folder / "rows", _written, _read)
        rows: list[Row] = []
        for network in networks or NETWORKS:
            for seed in range(seeds or 1):
                sitting = _Sitting(
                    network=network,
                    seed=seed,
                    folder=folder / f"{network}-{seed}",
                    history=list(history),
                    size=size,
                    search_s=time_budget or size.search_s,
                )
                name = f"{network} {seed} {' '.join(names)}"
                rows += kept.get(name, partial(sitting.rows, names))
        report = reported(rows, asdict(size))
        keep(report, rows, folder)
    return report


@dataclass(frozen=True, kw_only=True)
class _Sitting:
    """All contenders on one network, one after the other."""

    network: str
    seed: int
    folder: Path
    history: Sequence[str]
    size: _Size
    search_s: float

    def rows(self, names: Sequence[str]) -> list[Row]:
        """One of each contender."""
        self._require_same_machine()
        ours = searched(tuned_run(self.folder / DGTL, self.network, self._own(), self._sources()))
        found = {DGTL: ours} | {n: self._rival(n, ours) for n in names if n != DGTL}
        latency_s = self._timed(found)
        tasks = load_network(self.network, parse_target("cpu")).tasks
        weights = {task.workload_key: task.weight for task in tasks}
        # What layers take by themselves, and in the network.
        scale = {name: latency_s[name] / one.latency_s(weights) for name, one in found.items()}
        fewest = min(len(one.trials) for one in found.values())
        best_s = best_of_all_s((found[name] for name in found if name != METASCHEDULE), weights)
        return [
            Row(
                network=self.network,
                seed=self.seed,
                contender=name,
                search_s=one.search_s,
                trials=len(one.trials),
                failed=one.failed,
                latency_s=latency_s[name],
                above_best=None if name == METASCHEDULE else one.latency_s(weights) / best_s - 1,
                fewest_trials=fewest,
                at_fewest_s=scale[name] * one.latency_s(weights, fewest),
                reached_by_ours_s=ours.reaching_s(weights, latency_s[name] / scale[DGTL]),
                ours_at_its_end_s=scale[DGTL] * _at(ours, weights, one.search_s),
                spent=one.spent,
            )
            for name, one in found.items()
        ]

    def _require_same_machine(self) -> None:
        """One sitting is of one kind of machine."""
        self.folder.mkdir(parents=True, exist_ok=True)
        note, here = self.folder / "device.txt", describe_cpu_host().key
        if not note.exists():
            note.write_text(here)
        if (there := note.read_text()) != here:
            raise InputError(
                f"{self.folder} was begun on {there}, this is {here}: go on there, or name another "
                "folder by --runs"
            )

    def _own(self) -> TuneConfig:
        return TuneConfig(
            search_alg=DGTL,
            time_budget_s=self.search_s,
            min_gain=self.size.min_gain,
            seed=self.seed,
        )

    def _rival(self, name: str, ours: Searched) -> Searched:
        trials = self.size.layer_trials
        if name == METASCHEDULE:
            return metaschedule(self.network, self.folder / name, trials, self.seed, ours.module)
        config = TuneConfig(
            search_alg=name,
            time_budget_s=_DAY_S,
            samples_per_layer=trials,
            patience_per_layer=self.size.patience,
            min_gain=0.0,
            seed=self.seed,
        )
        return searched(tuned_run(self.folder / name, self.network, config))

    def _sources(self) -> list[str]:
        """What ours learns from: what ships of the other networks of the table."""
        if self.history:
            return list(self.history)
        uri = str(self.folder / "history")
        if not (self.folder / "history").exists():
            others = [name for name in NETWORKS if name != self.network]
            add_rows(
                ParquetHistory(uri),
                ParquetHistory(BUILTIN).scan(where=pc.field("network").isin(others)),
            )
        return [uri]

    def _timed(self, found: Mapping[str, Searched]) -> dict[str, float]:
        """Seconds of an inference of each winner, timed in turn."""
        example = keep_network(self.network, self.folder.parent / "peers").folder
        contenders = [
            module_contender(name, one.module, example=example, threads=available_cores())
            for name, one in found.items()
        ]
        with Contest(contenders) as contest:
            latency = contest.time(rounds=self.size.rounds, min_time_s=self.size.min_time_s)
        return {name: _required(name, latency[name]) for name in found}


def _at(ours: Searched, weights: Mapping[str, int], seconds: float) -> float:
    """What our layers took after so many seconds of search."""
    return ours.latency_s(weights, sum(trial.at_s <= seconds for trial in ours.trials))


def _required(name: str, latency: Latency) -> float:
    if latency.median_s is None:
        raise RuntimeError(f"the module of {name} does not run: {latency.error}")
    return latency.median_s


def _written(rows: list[Row]) -> list[dict[str, object]]:
    return [asdict(row) for row in rows]


def _read(rows: list[dict[str, object]]) -> list[Row]:
    return [Row.of(row) for row in rows]
