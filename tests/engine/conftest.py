from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.run import SearchRequest
from dgtl_ray.model import Network, TargetSpec, load_network, parse_target
from dgtl_ray.run.experiment import best_config
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.sketches import read_design_space
from dgtl_ray.testing.fakes import FakeBuilder, FakeTimer


@dataclass(kw_only=True)
class Sink:
    """Keeps rows in memory."""

    rows: list[Measurement] = field(default_factory=list)

    def append(self, rows: Sequence[Measurement]) -> None:
        self.rows.extend(rows)


@pytest.fixture(scope="session")
def target() -> TargetSpec:
    return parse_target("cpu")


@pytest.fixture(scope="session")
def network(target: TargetSpec) -> Network:
    return load_network("tests.networks:tiny", target)


@pytest.fixture(scope="session")
def spaces(network: Network, target: TargetSpec) -> list[DesignSpace]:
    return [read_design_space(task, target.json) for task in network.tasks]


MakeRequest = Callable[..., SearchRequest]


@pytest.fixture
def make_request(network: Network, target: TargetSpec, spaces: list[DesignSpace]) -> MakeRequest:
    """A search over the tiny network's layers with fakes, any of it replaced."""

    def make(**changes: Any) -> SearchRequest:
        settings: dict[str, Any] = {
            "run_id": "run",
            "tasks": network.tasks,
            "spaces": spaces,
            "target": target.json,
            "search": "evolutionary",
            "seed": 0,
            "budget": Budget(trials=40),
            "toolchain": {"tvm": "0"},
            "history": lambda _device: (),
            "learn": lambda _device: Knowledge(),
            "sink": Sink(),
            "choose": best_config,
            "on_round": lambda _spent: None,
            "builder": FakeBuilder,
            "timer": FakeTimer,
        }
        return SearchRequest(**{**settings, **changes})

    return make
