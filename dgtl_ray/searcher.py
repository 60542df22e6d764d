"""Our search inside `ray.tune.Tuner`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError, MissingExtraError
from dgtl_ray.core.function import LATENCY, Objective, as_metrics
from dgtl_ray.core.seeds import check_seed
from dgtl_ray.run.ask_tell import AskTell, ask_tell
from dgtl_ray.space.knob_space import KnobSpace
from dgtl_ray.space.parameters.reading import Condition

try:
    from ray.tune.search import Searcher
    from ray.tune.search.variant_generator import parse_spec_vars
    from ray.tune.utils import flatten_dict
    from ray.tune.utils.util import unflatten_dict
except ImportError as error:
    raise MissingExtraError("DgtlSearch", "tune") from error


class DgtlSearch(Searcher):  # type: ignore[misc]  # Ray has no types
    """A searcher of Ray Tune's that proposes as `dgtl_ray.Tuner` does.

    Ray Tune comes with `pip install 'dgtl_ray[tune]'`.

    `ray.tune.Tuner(fn, param_space=…, tune_config=TuneConfig(search_alg=DgtlSearch(history=…)))`.

    Args:
        space: Values of each parameter, as for a `dgtl_ray.Tuner`; None for the domains of Ray
            Tune's `param_space`.
        metric: The metric that counts; None for that of the `TuneConfig`.
        mode: `min` or `max`; None for that of the `TuneConfig`.
        restrictions: Conditions between parameters; names of nested ones are joined by `/`.
        history: URIs of histories that may be learned from.
        search: Name of the proposer.
        task: What is tuned: history of the same task on another device tells most.
        seed: Source of every random choice.
        device: What it is tuned for; this machine's cores by default.

    Raises:
        InputError: The seed is none.
    """

    def __init__(
        self,
        space: Mapping[str, Any] | KnobSpace | None = None,
        metric: str | None = None,
        mode: str | None = None,
        *,
        restrictions: Sequence[Condition] = (),
        history: Sequence[str] = (),
        search: str = "dgtl",
        task: str = "ask_tell",
        seed: int = 0,
        device: DeviceDescriptor | None = None,
    ) -> None:
        check_seed(seed)
        super().__init__(metric=metric, mode=mode)
        self._metric: str | None = metric
        self._mode: str | None = mode
        self._space = dict(space) if isinstance(space, Mapping) else space
        self._settings: dict[str, Any] = {
            "restrictions": tuple(restrictions),
            "history": tuple(history),
            "search": search,
            "task": task,
            "seed": seed,
            "device": device,
        }
        self._loop: AskTell | None = None
        # Trials under way: Ray's id → ours.
        self._trials: dict[str, str] = {}

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Take what a `Tuner` of Ray Tune's says; see there."""
        del spec
        self._metric = self._metric or metric
        self._mode = self._mode or mode
        domains = _domains(config)
        if self._space is not None:
            return not domains
        self._space = domains
        return bool(domains)

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """The next configuration, or `FINISHED` where none is left; see `Searcher.suggest`."""
        asked = self._search().ask()
        if not asked:
            finished: str = self.FINISHED
            return finished
        self._trials[trial_id] = asked[0].trial_id
        config: dict[str, Any] = unflatten_dict(asked[0].config)
        return config

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Learn what came of a trial, a failure, too; see `Searcher.on_trial_complete`."""
        ours = self._trials.pop(trial_id, None)
        if ours is None:
            return
        loop = self._search()
        loop.tell(ours, None if error else _reported(result or {}, loop.objective))

    def add_evaluated_point(
        self,
        parameters: dict[str, Any],
        value: float,
        error: bool = False,
        pruned: bool = False,
        intermediate_values: list[float] | None = None,
    ) -> None:
        """Learn of a trial made elsewhere; see `Searcher.add_evaluated_point`."""
        del pruned, intermediate_values
        self._search().tell(flatten_dict(parameters), None if error else value)

    def save(self, checkpoint_path: str) -> None:
        """Write what was asked and told, as JSON."""
        Path(checkpoint_path).write_text(json.dumps(self._state()))

    def restore(self, checkpoint_path: str) -> None:
        """Go on from what `save` wrote; nothing in it is run or unpickled.

        Raises:
            InputError: The file is damaged, or of other parameters.
        """
        try:
            state = json.loads(Path(checkpoint_path).read_bytes())
            trials = {str(key): str(ours) for key, ours in state["trials"].items()}
            kept, metric, mode = state["search"], state["metric"], state["mode"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{checkpoint_path} is damaged: {error!r}") from error
        self._metric, self._mode = self._metric or metric, self._mode or mode
        self._trials = trials
        self._loop = None
        if kept is not None:
            self._search().restore(kept)

    def __getstate__(self) -> dict[str, Any]:
        """Ray pickles the searcher with its experiment: not the models in it."""
        kept = None if self._loop is None else self._loop.state()
        return {**self.__dict__, "_loop": None, "_kept": kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = state.pop("_kept")
        self.__dict__.update(state)
        if kept is not None:
            self._search().restore(kept)

    def _state(self) -> dict[str, Any]:
        return {
            "search": None if self._loop is None else self._loop.state(),
            "trials": self._trials,
            "metric": self._metric,
            "mode": self._mode,
        }

    def _search(self) -> AskTell:
        """The search; begun when it is first needed, as it may learn for a while.

        Raises:
            InputError: There are no parameters, or they cannot be used.
        """
        if self._loop is None:
            if self._space is None or self._space == {}:
                raise InputError(
                    "there is nothing to search: give DgtlSearch a space, or ray.tune.Tuner a "
                    "param_space with domains"
                )
            objective = Objective(metric=self._metric or LATENCY, mode=self._mode or "min")
            self._loop = ask_tell(
                self._space, metric=objective.metric, mode=objective.mode, **self._settings
            )
        return self._loop


def _reported(result: Mapping[str, Any], objective: Objective) -> float | None:
    """The number that counts, None where it is none that can: that costs its trial alone."""
    try:
        return as_metrics(result.get(objective.metric), objective)[objective.metric]
    except (ValueError, OverflowError):
        return None


def _domains(config: dict[str, Any]) -> dict[str, Any]:
    """What is to be searched of Ray Tune's `param_space`: its constants stay where they are.

    Raises:
        InputError: A domain has no name.
    """
    _, domains, grids = parse_spec_vars(config)
    found = dict([*domains, *grids])
    for path in found:
        if not all(isinstance(part, str) for part in path):
            raise InputError(f"{path}: a parameter within a list has no name; name it")
    return {"/".join(path): domain for path, domain in found.items()}
