"""A layer as its actor holds it: design space, proposer, what it has seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import ray
from numpy.typing import NDArray

from dgtl_ray.core.acquisition import ACQUISITION, Acquisition
from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.core.roles import IntArray, Proposal, Proposer
from dgtl_ray.search import ProposerContext, Transferring, import_proposer, make_proposer
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.knob_space import KnobSpace
from dgtl_ray.transfer.relatedness import Relatedness

# Neighbours of the fastest join it: a larger pool takes longer than it is worth while others wait.
_POOL = 2000


@dataclass(frozen=True, kw_only=True)
class LayerSetup:
    """What an actor needs to take a layer on; a space is cheap to pickle."""

    task_key: str
    space: DesignSpace | KnobSpace
    search: str
    seed: int
    device: DeviceDescriptor
    acquisition: Acquisition = ACQUISITION


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One configuration on its way to the device.

    `encoding` has shape (columns,), empty for the default schedule, which is no configuration.
    """

    config: str
    schedule: str
    encoding: NDArray[np.float32]
    stage: Stage
    predicted_mean: float | None
    predicted_std: float | None

    @classmethod
    def bare(cls, config: str, stage: Stage) -> Self:
        """One that nobody predicted, without schedule and encoding."""
        return cls(
            config=config,
            schedule="",
            encoding=np.empty(0, np.float32),
            stage=stage,
            predicted_mean=None,
            predicted_std=None,
        )


@dataclass(frozen=True, kw_only=True)
class Order:
    """How many candidates a layer is to propose, and configurations that were fast in its kin."""

    count: int
    tips: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a candidate.

    `cost_s` is NaN where it failed; `spent_s` is what building and timing it took, in seconds.
    """

    config: str
    cost_s: float
    status: Status
    spent_s: float


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """What a layer got from its sources.

    Attributes:
        sources: How related each turned out to be.
        heard: Whether they have a say in the end.
        fallbacks: What numerical trouble was met, and what was done without.
    """

    sources: tuple[Relatedness, ...] = ()
    heard: bool = True
    fallbacks: tuple[str, ...] = ()


class Layer:
    """The search of one layer task."""

    def __init__(self, setup: LayerSetup, known: Knowledge) -> None:
        self._space = setup.space
        self._device = setup.device
        self._search = setup.search
        self._context = ProposerContext(
            space=self._space,
            seed=setup.seed,
            task_key=setup.task_key,
            device=setup.device,
            sources=known.sources,
            model=known.model,
            pool=_POOL,
            acquisition=setup.acquisition,
        )
        # What the proposer is to be told, in its order, once it is there.
        self._untold: list[Callable[[Proposer], None]] = []

    @cached_property
    def _proposer(self) -> Proposer:
        """Made when it is first asked: the next layers' are made while these are built."""
        proposer = make_proposer(self._search, self._context)
        for tell in self._untold:
            tell(proposer)
        self._untold.clear()
        return proposer

    @property
    def _made(self) -> Proposer | None:
        """The proposer, None before it is first asked."""
        made: Proposer | None = vars(self).get("_proposer")
        return made

    def _tell(self, tell: Callable[[Proposer], None]) -> None:
        """Tell the proposer something, or keep it until there is one."""
        if self._made is None:
            self._untold.append(tell)
        else:
            tell(self._made)

    def propose(self, order: Order) -> list[Candidate]:
        """Up to as many candidates as were ordered; none when the space is exhausted."""
        if order.tips and isinstance(self._proposer, Transferring):
            self._proposer.suggest(self._rows(order.tips))
        return self._candidates(self._proposer.propose(order.count))

    def reserve(self, configs: Sequence[str]) -> None:
        """Count these as proposed: they were, before this process began."""
        if configs:
            self._reserve(self._rows(configs))

    def again(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Candidates of an earlier process, counted as proposed and with all that they lack."""
        if not candidates:
            return []
        rows = self._rows([candidate.config for candidate in candidates])
        self._reserve(rows)
        encodings = self._space.encode(rows, self._device)
        return [
            replace(candidate, schedule=self._space.schedule_of(row), encoding=encoding)
            for candidate, row, encoding in zip(candidates, rows, encodings, strict=True)
        ]

    def observe(self, outcomes: Sequence[Outcome]) -> None:
        """Learn what became of candidates, its own or from history."""
        known = [outcome for outcome in outcomes if outcome.config]
        if not known:
            return
        pool = self._rows([outcome.config for outcome in known])
        costs = np.array([outcome.cost_s for outcome in known])
        spent_s = np.array([outcome.spent_s for outcome in known])
        status = [outcome.status for outcome in known]
        self._tell(lambda proposer: proposer.observe(pool, costs, status, spent_s))

    def schedule_of(self, config: str) -> str:
        """The schedule text of a configuration; `""`, the default schedule, has itself."""
        return self._space.schedule_of(self._space.row_of(config)) if config else ""

    def transfer(self) -> Transfer:
        """What came of its sources; nothing where the proposer has none, or was never asked."""
        proposer: object = self._made
        if not isinstance(proposer, Transferring):
            return Transfer()
        return Transfer(
            sources=proposer.relatedness(),
            heard=proposer.heard,
            fallbacks=tuple(proposer.fallbacks),
        )

    def _reserve(self, rows: IntArray) -> None:
        self._tell(lambda proposer: proposer.reserve(rows))

    def _rows(self, configs: Sequence[str]) -> IntArray:
        return np.stack([self._space.row_of(config) for config in configs])

    def _candidates(self, proposal: Proposal) -> list[Candidate]:
        if len(proposal) == 0:
            return []
        encodings = self._space.encode(proposal.pool, self._device)
        return [self._candidate(proposal, encodings, k) for k in range(len(proposal))]

    def _candidate(self, proposal: Proposal, encodings: NDArray[np.float32], k: int) -> Candidate:
        row = proposal.pool[k]
        mean, std = proposal.predicted_mean, proposal.predicted_std
        return Candidate(
            config=self._space.config_of(row),
            schedule=self._space.schedule_of(row),
            encoding=encodings[k],
            stage=proposal.stage,
            predicted_mean=None if mean is None else float(mean[k]),
            predicted_std=None if std is None else float(std[k]),
        )


class LayerHost:
    """Holds several layers: a network of sixty tasks must not mean sixty processes.

    Args:
        setups: What the layers are made of; what their searches need is imported at once.
    """

    def __init__(self, setups: Mapping[int, LayerSetup]) -> None:
        self._setups = setups
        self._layers: dict[int, Layer] = {}
        for search in {setup.search for setup in setups.values()}:
            import_proposer(search)

    def take_on(self, known: Knowledge) -> None:
        """Begin every layer's search, with what is known of other tasks."""
        self._layers = {index: Layer(setup, known) for index, setup in self._setups.items()}

    def propose(self, orders: Mapping[int, Order]) -> dict[int, list[Candidate]]:
        """Candidates by layer, as ordered."""
        return {index: self._layers[index].propose(order) for index, order in orders.items()}

    def observe(self, outcomes: Mapping[int, Sequence[Outcome]]) -> None:
        """Give each layer what became of candidates."""
        for index, of_layer in outcomes.items():
            self._layers[index].observe(of_layer)

    def reserve(self, configs: Mapping[int, Sequence[str]]) -> None:
        """Count configurations, by layer, as proposed: they were, before this process began."""
        for index, of_layer in configs.items():
            self._layers[index].reserve(of_layer)

    def again(self, candidates: Mapping[int, Sequence[Candidate]]) -> dict[int, list[Candidate]]:
        """Candidates of an earlier process, by layer, counted as proposed and complete."""
        return {index: self._layers[index].again(of) for index, of in candidates.items()}

    def schedules(self, configs: Mapping[int, Sequence[str]]) -> dict[int, list[str]]:
        """The schedule text of configurations, by layer."""
        return {
            index: [self._layers[index].schedule_of(config) for config in of_layer]
            for index, of_layer in configs.items()
        }

    def transfers(self) -> dict[int, Transfer]:
        """What came of each layer's sources."""
        return {index: layer.transfer() for index, layer in self._layers.items()}


LayerActor: Any = ray.remote(num_cpus=0)(LayerHost)
