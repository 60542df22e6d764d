"""States and contexts of runs for tests."""

from typing import Any

from dgtl_ray.engine.recorder import RunContext
from dgtl_ray.run.folder import RunState
from dgtl_ray.testing.fakes import FAKE_DEVICE


def example_state(**changes: Any) -> RunState:
    """A run of random search of a network `net`; what matters to a test is named there."""
    fields: dict[str, Any] = {
        "run_id": "r1",
        "network": "net",
        "network_hash": "abc",
        "target": "{}",
        "search": "random",
        "seed": 0,
        "history": "h",
    }
    return RunState(**{**fields, **changes})


def example_context(target: str) -> RunContext:
    """What all rows of a random search on the fake device share."""
    return RunContext(
        run_id="run",
        target=target,
        device=FAKE_DEVICE,
        toolchain={},
        proposer="random",
        seed=0,
    )
