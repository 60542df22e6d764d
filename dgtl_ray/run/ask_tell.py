"""Ask what to try next, and tell what came of it: a proposer without an engine around it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import (
    FUNCTION_TARGET,
    LATENCY,
    Objective,
    configuration,
    function_task,
)
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.progress import Monitor, SilentMonitor
from dgtl_ray.core.roles import IntArray
from dgtl_ray.core.seeds import check_seed
from dgtl_ray.history import ParquetHistory, SourceKey
from dgtl_ray.measure.host import describe_cpu_host
from dgtl_ray.run.function_knowledge import function_observations, knowledge_of_others
from dgtl_ray.search import ProposerContext, make_proposer
from dgtl_ray.space.knob_space import KnobSpace
from dgtl_ray.space.parameters.reading import Condition, read_parameters

_FORMAT = 1
# Random configurations that a surrogate chooses from, as in a run.
_POOL = 2000


@dataclass(frozen=True, kw_only=True)
class AskedTrial:
    """A configuration to try.

    Attributes:
        trial_id: What it is told by.
        config: The configuration.
    """

    trial_id: str
    config: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What came of a configuration (JSON); `value` is None where it failed."""

    config: str
    value: float | None


class AskTell:
    """A search that its caller drives. Make one with `ask_tell`.

    Args:
        space: The configurations.
        objective: What is told of them.
        search: Name of the proposer.
        seed: Source of every random choice.
        task: What is tuned, in histories.
        device: What it is tuned for.
        history: Addresses of histories that may be learned from.
        monitor: Told what is learned from.
    """

    def __init__(
        self,
        space: KnobSpace,
        objective: Objective,
        *,
        search: str,
        seed: int,
        task: str,
        device: DeviceDescriptor,
        history: Sequence[str],
        monitor: Monitor,
    ) -> None:
        self._space = space
        self.objective = objective
        names = [knob.name for knob in space.knobs]
        self._key = function_task(task, names, objective).workload_key
        stores = [ParquetHistory(uri) for uri in history]
        for store in stores:
            store.require_rows()
        known = knowledge_of_others(
            stores,
            space,
            SourceKey(self._key, device.key, FUNCTION_TARGET),
            search=search,
            monitor=monitor,
            is_named=True,
        )
        self._proposer = make_proposer(
            search,
            ProposerContext(
                space=space,
                seed=seed,
                task_key=self._key,
                device=device,
                sources=known.sources,
                model=known.model,
                pool=_POOL,
            ),
        )
        self._asked: dict[str, str] = {}
        self._told: list[_Told] = []
        self._next = 0
        self._observe_history(stores, device)

    def ask(self, n: int = 1) -> list[AskedTrial]:
        """Up to `n` configurations, none of them asked or told before; fewer where few are left.

        Raises:
            InputError: `n` is not positive.
        """
        if n < 1:
            raise InputError(f"ask({n}): ask for one trial or more")
        rows = self._proposer.propose(n).pool
        return [self._hand_out(self._space.config_of(row)) for row in rows]

    def tell(self, trial: str | Mapping[str, Any], value: float | None) -> None:
        """Learn what came of a trial, or of a configuration that nobody asked for.

        Args:
            trial: The trial's id, or its configuration.
            value: The metric; None, or no number, where it failed.

        Raises:
            InputError: There is no such trial or configuration, or a time is not positive.
        """
        config = self._config_of(trial)
        if value is not None and not math.isfinite(value):
            value = None
        self._observe([_Told(config=config, value=value)])
        self._asked = {key: asked for key, asked in self._asked.items() if asked != config}

    @property
    def best(self) -> tuple[dict[str, Any], float] | None:
        """The best configuration that was told, and its value; None before there is one."""
        found: tuple[dict[str, Any], float] | None = None
        for told in self._told:
            if told.value is not None and (
                found is None or self.objective.better(told.value, found[1])
            ):
                found = configuration(told.config), told.value
        return found

    def state(self) -> dict[str, Any]:
        """What was asked and told, as JSON can hold it; `restore` goes on from it alike."""
        return {
            "format": _FORMAT,
            "space": self._space.key,
            "next": self._next,
            "asked": dict(self._asked),
            "told": [[told.config, told.value] for told in self._told],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`.

        Raises:
            InputError: It is damaged, of another space, or something was asked or told already.
        """
        if self._next or self._told:
            raise InputError("restore comes first: something was asked or told already")
        try:
            if (state["format"], state["space"]) != (_FORMAT, self._space.key):
                raise InputError("the state is of other parameters, or of another version")
            asked = {str(key): str(config) for key, config in state["asked"].items()}
            told = [
                _Told(config=str(config), value=None if value is None else float(value))
                for config, value in state["told"]
            ]
            self._next = int(state["next"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"the state of the search is damaged: {error!r}") from error
        self._asked = asked
        if asked:
            self._proposer.reserve(self._rows(list(asked.values())))
        self._observe(told)

    def _hand_out(self, config: str) -> AskedTrial:
        trial_id = str(self._next)
        self._next += 1
        self._asked[trial_id] = config
        return AskedTrial(trial_id=trial_id, config=configuration(config))

    def _config_of(self, trial: str | Mapping[str, Any]) -> str:
        if isinstance(trial, str):
            if trial not in self._asked:
                raise InputError(f"no trial {trial!r} is awaited: it was told, or never asked for")
            return self._asked[trial]
        row = self._space.row_of(_as_json(trial))
        return self._space.config_of(row)

    def _observe(self, told: Sequence[_Told]) -> None:
        if not told:
            return
        costs = [math.nan if one.value is None else self._cost(one.value) for one in told]
        status = [Status.RUN_ERROR if one.value is None else Status.OK for one in told]
        rows = self._rows([one.config for one in told])
        self._proposer.observe(rows, np.array(costs), status, np.ones(len(told)))
        self._told += told

    def _cost(self, value: float) -> float:
        try:
            return self.objective.cost_of(value)
        except ValueError as error:
            raise InputError(str(error)) from error
        except OverflowError as error:
            told = f"{self.objective.metric} is {value}: a number so large has no place in an order"
            raise InputError(told) from error

    def _rows(self, configs: Sequence[str]) -> IntArray:
        return np.stack([self._space.row_of(config) for config in configs])

    def _observe_history(self, stores: Sequence[ParquetHistory], device: DeviceDescriptor) -> None:
        """What was measured of the very task on the very kind of device needs no measuring."""
        rows = [
            row
            for row in function_observations(stores, self._key, device)
            if self._space.holds(row.space_key, row.config)
        ]
        if rows:
            costs = np.array([math.nan if row.cost_s is None else row.cost_s for row in rows])
            spent_s = np.array([row.build_s + row.timing_s for row in rows])
            pool = self._rows([row.config for row in rows])
            self._proposer.observe(pool, costs, [row.status for row in rows], spent_s)


def ask_tell(
    space: Mapping[str, Any] | KnobSpace,
    *,
    restrictions: Sequence[Condition] = (),
    search: str = "dgtl",
    history: Sequence[str] = (),
    metric: str = LATENCY,
    mode: str = "min",
    seed: int = 0,
    task: str = "ask_tell",
    device: DeviceDescriptor | None = None,
    monitor: Monitor | None = None,
) -> AskTell:
    """A search that you drive: `ask` for configurations, `tell` what came of them.

    Args:
        space: Values of each parameter, as for a `Tuner`, or a design space that was read.
        restrictions: Conditions between parameters, as for a `Tuner`.
        search: Name of the proposer.
        history: URIs of histories that may be learned from.
        metric: What the values are called; a name that ends in `_s` is a time in seconds.
        mode: `min` or `max`.
        seed: Source of every random choice.
        task: What is tuned: history of the same task on another device tells most.
        device: What it is tuned for; this machine's cores by default.
        monitor: Told what is learned from.

    Raises:
        InputError: Something given cannot be used; the message says what.
    """
    check_seed(seed)
    return AskTell(
        space if isinstance(space, KnobSpace) else read_parameters(space, restrictions),
        Objective(metric=metric, mode=mode),
        search=search,
        seed=seed,
        task=task,
        device=device or describe_cpu_host(),
        history=history,
        monitor=monitor or SilentMonitor(),
    )


def _as_json(config: Mapping[str, Any]) -> str:
    try:
        return json.dumps({name: _plain(value) for name, value in config.items()})
    except TypeError as error:
        raise InputError(
            f"configuration {dict(config)!r} is none of this space: {error}"
        ) from error


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
