"""How a search goes and where it lives, with Ray Tune's names."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from dgtl_ray.core.acquisition import ACQUISITION, Acquisition, check_acquisition
from dgtl_ray.core.algorithms import ALGORITHMS, parse_algorithms
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.precision import OWN, parse_precision
from dgtl_ray.core.progress import Monitor, SilentMonitor
from dgtl_ray.core.roles import EvaluatorConfig
from dgtl_ray.core.seeds import check_seed
from dgtl_ray.engine.budget import Budget
from dgtl_ray.search import proposer_names
from dgtl_ray.storage import mounted

# Ray Tune's way to say that nothing limits the number of trials.
_WITHOUT_END = -1
_ENDLESS_TRIALS = 2**62


@dataclass(frozen=True, kw_only=True)
class TuneConfig:
    """What to search, and for how long.

    Attributes:
        num_samples: Trials over all layers; 0 takes the best that history knows, -1 ends with
            `stop`, `time_budget_s`, or when every configuration was measured.
        time_budget_s: Seconds of search. With `num_samples`, whichever ends first.
        samples_per_layer: The most trials of one layer.
        patience_per_layer: A layer is tried no more after so many trials without a gain.
        min_gain: The search also ends when this share of the network's latency, or less, is
            expected to be left to gain.
        search_alg: Name of the proposer.
        acquisition: What `dgtl` chooses batches by: `qlogei`, `qlognei`, `ucb`, `thompson`, `mes`,
            or a function that makes a BoTorch acquisition function of (model, best_f, X_pending).
            The model tells the negative of the standardised log-latency: larger is faster.
        seed: Source of every random choice.
        exact_math: The C library's exp, erf, tanh, … on a CPU, instead of polynomials that err by
            less than 4 units in the last place and run many elements at a time.
        precision: `own`, or `float16`: weights and activations of a float32 network are kept in
            that, sums are made in float32; its inputs and outputs stay what they are.
        algorithms: How layers may be computed: any of `direct`, `winograd`, `matmul` and
            `attention`.
        metric: Of a function, the number that counts, by its name in the dict that it returns.
        mode: Of a function, `min` or `max`.
        max_concurrent_trials: Calls of a function at once; as many as there is room for by default.
        trial_timeout_s: How long a call of a function may take; for ever by default.
        resources_per_trial: What Ray reserves for a call of a function; one CPU by default.
        scheduler: Ray Tune's; refused, as a trial has no middle to be stopped in.
        reuse_actors: Ray Tune's; processes always go on with the next trial.
        trial_name_creator: Ray Tune's; a trial is called after its function and number.
        trial_dirname_creator: Ray Tune's; a trial's folder has its number.
        chdir_to_trial_dir: Ray Tune's, which refuses it, too.
    """

    num_samples: int | None = None
    time_budget_s: float | timedelta | None = None
    samples_per_layer: int | None = None
    patience_per_layer: int | None = None
    min_gain: float = 0.01
    search_alg: str = "dgtl"
    acquisition: Acquisition = ACQUISITION
    seed: int = 0
    exact_math: bool = False
    precision: str = OWN
    algorithms: tuple[str, ...] = ALGORITHMS
    metric: str = "latency_s"
    mode: str = "min"
    max_concurrent_trials: int | None = None
    trial_timeout_s: float | None = None
    resources_per_trial: Mapping[str, float] | None = None
    scheduler: Any = None
    reuse_actors: bool = True
    trial_name_creator: Any = None
    trial_dirname_creator: Any = None
    chdir_to_trial_dir: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.search_alg, str) or self.search_alg not in proposer_names():
            known = ", ".join(proposer_names())
            raise InputError(
                f"search_alg is {self.search_alg!r}: choose one of {known}. A searcher of Ray "
                "Tune's runs in ray.tune.Tuner, where dgtl_ray.DgtlSearch searches as we do"
            )
        check_acquisition(self.acquisition)
        check_seed(self.seed)
        _refuse(self, "scheduler", "a trial has no middle to stop in: see trial_timeout_s")
        _refuse(self, "chdir_to_trial_dir", "processes stay in the folder that Ray gives them")
        _tell_needless(self, "trial_name_creator", "a trial is called after its number")
        _tell_needless(self, "trial_dirname_creator", "a trial's folder has its number")
        parse_precision(self.precision)
        # Not only a check: the order and repetitions of the names mean nothing.
        names = parse_algorithms(",".join(self.algorithms))
        object.__setattr__(self, "algorithms", names)
        if isinstance(self.time_budget_s, timedelta):
            object.__setattr__(self, "time_budget_s", self.time_budget_s.total_seconds())

    @property
    def budget(self) -> Budget:
        """The limits; eight minutes where none is given."""
        time_s, trials = self.time_budget_s, self.num_samples
        if isinstance(time_s, timedelta):
            raise TypeError("it is seconds since this was made")
        if trials is None and time_s is None:
            time_s = 480.0
        return Budget(
            trials=_ENDLESS_TRIALS if trials == _WITHOUT_END else trials,
            time_s=time_s,
            layer_trials=self.samples_per_layer,
            layer_patience=self.patience_per_layer,
            min_gain=self.min_gain,
        )


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Where a run lives and what it shows.

    Attributes:
        name: Folder of the run under `storage_path`; made up where it is None.
        storage_path: Folder of runs: a path, or an address that Arrow knows (`s3://…`).
        storage_filesystem: A `pyarrow.fs.FileSystem` in which `storage_path` is a path.
        history: Where measurements are appended; the run's own folder where it is None.
        compare: Whether the tuned network is timed beside the untuned and the frameworks' own.
        monitor: Shows the run.
        verbose: 0 shows nothing, more shows lines in the terminal where `monitor` is none. Where
            it is not given nothing is shown but by `monitor`, while Ray Tune shows its progress.
        address: Ray cluster; `local` starts one on this machine.
        device: Words of the name, or the key, of the kind of device to tune for, where a cluster
            has several.
        evaluator: How a candidate of a network is timed.
        stop: When a function's run ends before its budget: once a trial's metric is as good as a
            number in this dict, or `stop_all` of one of Ray Tune's stoppers says so. A function of
            a trial's name and metrics only ends that trial, as in Ray Tune: it has no effect.
        failure_config: Of a function, how often a failed trial is tried again (`max_failures`, -1
            for ever), and whether one ends the run (`fail_fast`); Ray Tune's, or anything alike.
        callbacks: Told of trials, by Ray Tune's hooks: its `Callback`, its loggers, MLflow's.
        progress_reporter: One of Ray Tune's, shown the trials of a function.
        log_to_file: Whether what a function prints is kept in its trial's folder; or the name of
            one file, or of two, for what it prints and its errors.
        checkpoint_config: Ray Tune's; a call has no checkpoints.
        sync_config: Ray Tune's; every measurement is durable at once.
        local_dir: Ray Tune's, which refuses it, too: `storage_path`.
    """

    name: str | None = None
    storage_path: str | Path = "runs"
    storage_filesystem: Any = None
    history: str | None = None
    compare: bool = True
    monitor: Monitor | None = None
    verbose: int | None = None
    address: str = "local"
    device: str = ""
    evaluator: EvaluatorConfig = field(default_factory=EvaluatorConfig)
    stop: Any = None
    failure_config: Any = None
    callbacks: Sequence[Any] | None = None
    progress_reporter: Any = None
    log_to_file: bool | str | tuple[str, str] = False
    checkpoint_config: Any = None
    sync_config: Any = None
    local_dir: Any = None

    def __post_init__(self) -> None:
        _refuse(self, "local_dir", "storage_path says where runs live")
        if callable(self.stop) and not hasattr(self.stop, "stop_all"):
            _tell_needless(
                self,
                "stop",
                "a function ends a trial, which has ended when it reports; a dict of metrics, or a "
                "stopper's stop_all, ends the run",
            )
        _tell_needless(self, "checkpoint_config", "a trial has no checkpoints")
        _tell_needless(self, "sync_config", "every measurement is durable at once")

    @property
    def folder_of_runs(self) -> str:
        """Address of the folder of runs."""
        if self.storage_filesystem is None:
            return str(self.storage_path)
        return mounted(self.storage_path, self.storage_filesystem)

    @property
    def shown_by(self) -> Monitor:
        """What shows the run: nothing, where neither `monitor` nor `verbose` is given."""
        if self.verbose == 0 or (self.monitor is None and not self.verbose):
            return SilentMonitor()
        if self.monitor is not None:
            return self.monitor
        from rich.console import Console

        from dgtl_ray.report import PlainMonitor

        return PlainMonitor(Console())


def require_network(tune: TuneConfig, run: RunConfig) -> None:
    """Check that what a network is tuned for is asked for, and tell what has no say in that.

    Raises:
        InputError: Another metric or mode, or an end that only a function's run has.
    """
    if (tune.metric, tune.mode) != ("latency_s", "min"):
        raise InputError(
            f"metric is {tune.metric!r}, mode {tune.mode!r}: a network is tuned for latency_s, "
            "min; a function, with param_space, for whatever it returns"
        )
    _refuse(run, "stop", "a network's run ends with its budget, or min_gain")
    for name in ("failure_config", "progress_reporter"):
        _tell_needless(run, name, "it is for functions of parameters")
    for name in ("max_concurrent_trials", "trial_timeout_s", "resources_per_trial"):
        _tell_needless(tune, name, "it is for functions of parameters")
    if run.log_to_file:
        _warn("log_to_file has no effect: a network's candidates print nothing")


def _refuse(config: Any, name: str, reason: str) -> None:
    if getattr(config, name) is not None:
        raise InputError(f"{type(config).__name__}({name}=…) is not known here: {reason}")


def _tell_needless(config: Any, name: str, reason: str) -> None:
    if getattr(config, name) is not None:
        _warn(f"{type(config).__name__}({name}=…) has no effect: {reason}")


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=5)
