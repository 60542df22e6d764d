"""The paper's table: four networks, search time and latency of ours and of other tuners.

One network after the other, all contenders in turn on one machine. AutoTVM's and CHAMELEON's
methods search our design spaces with our builds and timing; MetaSchedule has the same layers and
its own search, cost model and timing. Ours learns from what ships of the other networks, never of
the target itself. The winners are timed again in the network, in turn.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.compute as pc

from dgtl_ray.bench.tools.report import BenchReport
from dgtl_ray.bench.tools.searched import Searched, best_of_all_s, metaschedule, searched
from dgtl_ray.bench.tools.table1_kept import KeptTable, shown
from dgtl_ray.bench.tools.table1_report import AUTOTVM, CHAMELEON, DGTL, METASCHEDULE, Row
from dgtl_ray.bench.tools.tuned_run import tuned_run
from dgtl_ray.configs import TuneConfig
from dgtl_ray.core.cores import available_cores
from dgtl_ray.core.errors import ExperimentError, InputError
from dgtl_ray.deploy import module_contender
from dgtl_ray.history import BUILTIN, ParquetHistory, add_rows
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
        layer_trials: Of a rival, for each layer at most; MetaSchedule has as many in all, and its
            own scheduler gives them to layers.
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
    layer_trials: int | None = None,
    show: bool = False,
) -> BenchReport:
    """Search time, trials and latency by network and contender; kept in the folder of the runs.

    Args:
        quick: A smoke run.
        networks: Of the four; all without.
        searches: Contenders; all without. `dgtl` is always one of them.
        history: What ours learns from, instead of what ships of the other networks.
        runs: Folder that keeps runs and table; what is finished there is not run again, and the
            table grows by each network that is run.
        seeds: Runs of each contender.
        time_budget: Seconds of ours at most.
        layer_trials: Of a rival, times the layers of a network.
        show: Print what the folder has, or what we measured without one, and run nothing.

    Raises:
        DgtlError: No folder was given, an unknown contender, a folder that was begun on another
            kind of machine or with other settings, or a contender that fails.
    """
    if show:
        return shown(runs)
    if runs is None and not quick:
        raise InputError("bench table1 keeps runs that take long: give their folder by --runs")
    if unknown := set(searches) - set(CONTENDERS):
        raise InputError(f"no contender {sorted(unknown)}: there are {list(CONTENDERS)}")
    wanted = {DGTL, *(searches or CONTENDERS)}
    size = _QUICK if quick else _FULL
    size = replace(
        size,
        search_s=time_budget or size.search_s,
        layer_trials=layer_trials or size.layer_trials,
    )
    with TemporaryDirectory() if runs is None else nullcontext(runs) as place:
        table = KeptTable(Path(place), _settings(size, history, quick=quick))
        for network in networks or NETWORKS:
            for seed in range(seeds or 1):
                known = {row.contender for row in table.rows(network, seed)}
                if not wanted <= known:
                    folder = Path(place) / f"{network}-{seed}"
                    sitting = _Sitting(
                        network=network, seed=seed, folder=folder, history=history, size=size
                    )
                    names = [name for name in CONTENDERS if name in wanted | known]
                    table.keep(network, seed, sitting.rows(names))
        return table.report()


def _settings(size: _Size, history: Sequence[str], *, quick: bool) -> dict[str, object]:
    """What all rows of a table share; the machine by its target, as models of one name differ."""
    machine = {"device": describe_cpu_host().key, "target": parse_target("cpu").json}
    return {**machine, **asdict(size), "history": list(history), "quick": quick}


@dataclass(frozen=True, kw_only=True)
class _Sitting:
    """All contenders on one network, one after the other."""

    network: str
    seed: int
    folder: Path
    history: Sequence[str]
    size: _Size

    def rows(self, names: Sequence[str]) -> list[Row]:
        """One of each contender."""
        tasks = load_network(self.network, parse_target("cpu")).tasks
        weights = {task.workload_key: task.weight for task in tasks}
        with _cache(self.folder / "cache"):
            sources = self.history or [history_of_others(self.network, weights, self.folder)]
            ours = searched(tuned_run(self.folder / DGTL, self.network, self._own(), sources))
        found = {DGTL: ours} | {n: self._rival(n, ours) for n in names if n != DGTL}
        latency_s = self._timed(found)
        # What layers take by themselves, and in the network.
        scale = {name: latency_s[name] / one.latency_s(weights) for name, one in found.items()}
        above = above_best(found, weights)
        equal = {name: min(len(ours.trials), len(one.trials)) for name, one in found.items()}
        return [
            Row(
                network=self.network,
                seed=self.seed,
                contender=name,
                began=one.began,
                search_s=one.search_s,
                trials=len(one.trials),
                failed=one.failed,
                latency_s=latency_s[name],
                above_best=above.get(name),
                equal_trials=equal[name],
                equal_search_s=one.trial_s(equal[name]),
                equal_latency_s=scale[name] * one.latency_s(weights, equal[name]),
                ours_equal_search_s=ours.trial_s(equal[name]),
                ours_equal_latency_s=scale[DGTL] * ours.latency_s(weights, equal[name]),
                settled_s=one.reaching_s(weights, 1.01 * one.latency_s(weights)),
                reached_by_ours_s=ours.reaching_s(weights, latency_s[name] / scale[DGTL]),
                ours_at_its_end_s=scale[DGTL] * _at(ours, weights, one.search_s),
                spent=one.spent,
            )
            for name, one in found.items()
        ]

    def _own(self) -> TuneConfig:
        return TuneConfig(
            search_alg=DGTL,
            time_budget_s=self.size.search_s,
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


def history_of_others(network: str, own: Iterable[str], folder: Path) -> str:
    """What ships of the other networks' layers as a history in a folder, and its address.

    Args:
        network: Of the table.
        own: Its layers' workload keys; AlexNet and VGG-16 share two dense layers.
        folder: What is there already is not added again.
    """
    others = [name for name in NETWORKS if name != network]
    of_others = pc.field("network").isin(others) & ~pc.field("workload_key").isin(list(own))
    uri = str(folder / "history")
    add_rows(ParquetHistory(uri), ParquetHistory(BUILTIN).scan(where=of_others))
    return uri


@contextmanager
def _cache(folder: Path) -> Iterator[None]:
    """A cache of models of its own: pre-training counts, whoever else learned from that before."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before


def above_best(found: Mapping[str, Searched], weights: Mapping[str, int]) -> dict[str, float]:
    """How far each search is from the best that any found of each layer, where times compare.

    MetaSchedule's own timing is another, and one search alone would be compared with itself.
    """
    alike = {name: one for name, one in found.items() if name != METASCHEDULE}
    if len(alike) < 2:
        return {}
    best_s = best_of_all_s(alike.values(), weights)
    return {name: one.latency_s(weights) / best_s - 1 for name, one in alike.items()}


def _at(ours: Searched, weights: Mapping[str, int], seconds: float) -> float:
    """What our layers took after so many seconds of search."""
    return ours.latency_s(weights, sum(trial.at_s <= seconds for trial in ours.trials))


def _required(name: str, latency: Latency) -> float:
    if latency.median_s is None:
        raise ExperimentError(f"the module of {name} does not run: {latency.error}")
    return latency.median_s
