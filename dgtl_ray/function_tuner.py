"""A user's own function behind the Python API: what a `Tuner` does with it."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dgtl_ray.configs import RunConfig, TuneConfig
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import Objective
from dgtl_ray.run.callbacks import Callbacks
from dgtl_ray.run.folder import RunFolder, new_run_id
from dgtl_ray.run.function_events import read_failing
from dgtl_ray.run.function_run import FunctionConfig, FunctionRun, require_function
from dgtl_ray.run.function_setup import (
    FunctionSetup,
    keep_setup,
    read_setup,
    restriction_texts,
)
from dgtl_ray.run.stopping import read_stop
from dgtl_ray.run.trials import TrialGrid
from dgtl_ray.space.parameters import Parameter
from dgtl_ray.space.parameters.reading import Condition, read_parameters
from dgtl_ray.storage import join, told

# How long a search goes on: a user who gives one of these has a budget of his own.
_BUDGET = ("num_samples", "time_budget_s")
# Settings of a search that a run of a function keeps, so that it goes on as it began.
_KEPT = (
    *_BUDGET,
    *("search_alg", "seed", "metric", "mode"),
    *("max_concurrent_trials", "trial_timeout_s", "resources_per_trial"),
)
# Settings that only the search of a network has.
_OF_NETWORKS = (
    *("samples_per_layer", "patience_per_layer", "min_gain"),
    *("exact_math", "precision", "algorithms"),
)


@dataclass(frozen=True, kw_only=True)
class FunctionJob:
    """A function and its parameters, ready to be tuned.

    Attributes:
        task: What it is called, in history, too.
        parameters: As `read_parameters` takes them.
        again: Whether configurations that failed are tried again, where the run is restored.
    """

    function: Any
    task: str
    parameters: Mapping[str, Any]
    restrictions: Sequence[Condition]
    again: bool = False

    def fit(
        self, tune: TuneConfig, run: RunConfig, history: Sequence[str], *, resume: bool
    ) -> TrialGrid:
        """Tune it.

        Raises:
            InputError: Something given cannot be used; the message says what.
        """
        config = self.config(tune, run, history, resume=resume)
        RunFolder(config.folder).check(resume=resume)
        if not resume:
            keep_setup(config.folder, self._setup(config.space.knobs, tune))
        if config.callbacks is not None:
            config.callbacks.setup(config.objective, run.stop, tune.num_samples)
        return FunctionRun(config, run.shown_by).run()

    def config(
        self, tune: TuneConfig, run: RunConfig, history: Sequence[str], *, resume: bool
    ) -> FunctionConfig:
        """What the run is made of.

        Raises:
            InputError: Something given cannot be used; the message says what.
        """
        space = read_parameters(self.parameters, self.restrictions)
        objective = Objective(metric=tune.metric, mode=tune.mode)
        run_id = new_run_id()
        folder = join(run.folder_of_runs, run.name or run_id)
        stop = read_stop(run.stop, objective)
        return FunctionConfig(
            run_id=run_id,
            task=self.task,
            function=require_function(self.function),
            space=space,
            objective=objective,
            budget=tune.budget,
            search=tune.search_alg,
            seed=tune.seed,
            acquisition=tune.acquisition,
            folder=folder,
            history=run.history,
            sources=tuple(history),
            resume=resume,
            again=self.again,
            address=run.address,
            resources=tune.resources_per_trial or wanted_resources(self.function) or {"CPU": 1},
            workers=_calls_at_once(tune.max_concurrent_trials),
            timeout_s=tune.trial_timeout_s,
            hear=() if stop is None else (stop,),
            failing=read_failing(run.failure_config),
            callbacks=self._callbacks(run, folder),
            log_to_file=run.log_to_file,
        )

    def results(self, tune: TuneConfig, run: RunConfig) -> TrialGrid:
        """What the run has made so far, without a search.

        Raises:
            InputError: Its folder or history cannot be read.
        """
        config = self.config(tune, replace(run, callbacks=None), (), resume=True)
        return FunctionRun(config, run.shown_by).results()

    def _callbacks(self, run: RunConfig, folder: str) -> Callbacks | None:
        if not run.callbacks and run.progress_reporter is None:
            return None
        return Callbacks(run.callbacks or (), run.progress_reporter, self.task, folder)

    def _setup(self, knobs: Sequence[Any], tune: TuneConfig) -> FunctionSetup:
        return FunctionSetup(
            parameters={knob.name: Parameter(levels=knob.levels) for knob in knobs},
            restrictions=restriction_texts(self.restrictions),
            settings={"task": self.task, **{name: _plain(getattr(tune, name)) for name in _KEPT}},
        )


def restored_job(
    folder: str,
    function: Any,
    parameters: Mapping[str, Any] | None,
    restrictions: Sequence[Condition] | None,
    *,
    again: bool,
) -> tuple[FunctionJob, dict[str, Any]]:
    """The job of the run in a folder, and the settings that it was begun with.

    Args:
        folder: Of the run.
        function: What is tuned.
        parameters: Its parameters; None for those that the run kept.
        restrictions: Between them; None for those that the run kept.
        again: As in `FunctionJob`.

    Raises:
        InputError: There is no such run, or it kept no restrictions as they were functions.
    """
    kept = read_setup(folder)
    rules = kept.restrictions if restrictions is None else restrictions
    if rules is None:
        raise InputError(
            f"the run in {told(folder)} has restrictions that are functions, which no file holds:"
            " give them again"
        )
    settings = dict(kept.settings)
    job = FunctionJob(
        function=function,
        task=str(settings.pop("task")),
        parameters=kept.parameters if parameters is None else parameters,
        restrictions=rules,
        again=again,
    )
    return job, settings


def wanted_resources(function: Any) -> Mapping[str, float] | None:
    """What `ray.tune.with_resources` says that a call needs, None where it says nothing.

    Raises:
        InputError: It depends on the configuration, or is for several processes.
    """
    wanted = getattr(function, "_resources", None)
    if wanted is None:
        return None
    bundles = getattr(wanted, "bundles", None)
    if bundles is None or len(bundles) != 1:
        raise InputError(
            "the resources of a function are the same for every configuration, and of one process: "
            "give ray.tune.with_resources a dict"
        )
    resources: Mapping[str, float] = wanted.required_resources
    return resources


def with_settings(tune: TuneConfig, settings: Mapping[str, Any]) -> TuneConfig:
    """The configuration of a search, with what its run kept where it says nothing.

    What was kept of a budget is left out where there is a number of trials, or a time: it is spent.
    """
    kept = set(_KEPT) & set(settings)
    if any(getattr(tune, name) is not None for name in _BUDGET):
        kept -= set(_BUDGET)
    unsaid = [name for name in kept if getattr(tune, name) == getattr(TuneConfig, name)]
    return replace(tune, **{name: settings[name] for name in unsaid})


def require_function_settings(tune: TuneConfig, run: RunConfig, given: Mapping[str, bool]) -> None:
    """Check that nothing is given that only networks have, and tell what has no say in the search.

    Args:
        tune: Of a function's search.
        run: Of its run.
        given: Arguments that only networks have, by name, and whether they were given.

    Raises:
        InputError: One was.
    """
    if named := [name for name, is_given in given.items() if is_given]:
        raise InputError(
            f"{', '.join(named)}: that is for networks, and with param_space a function is tuned. "
            "Leave it out; a function learns from history"
        )
    for name in _OF_NETWORKS:
        if getattr(tune, name) != getattr(TuneConfig, name):
            _tell_needless(f"TuneConfig({name}=…)")
    if run.device:
        _tell_needless("RunConfig(device=…)")


def _tell_needless(setting: str) -> None:
    # Of the caller of the tuner, which asked for this.
    warnings.warn(f"{setting} has no effect: it is for networks", UserWarning, stacklevel=4)


def _calls_at_once(wanted: int | None) -> int | None:
    """How many calls are wanted at once, None for as many as there is room for: 0, too, as in Ray.

    Raises:
        InputError: Fewer than that.
    """
    if wanted is not None and wanted < 0:
        raise InputError(
            f"max_concurrent_trials is {wanted}: give 1 or more, or leave it out for as many as "
            "there is room for"
        )
    return wanted or None


def _plain(setting: Any) -> Any:
    """A setting as JSON can hold it."""
    return dict(setting) if isinstance(setting, Mapping) else setting
