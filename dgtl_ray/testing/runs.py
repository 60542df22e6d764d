"""States of runs for tests."""

from typing import Any

from dgtl_ray.run.folder import RunState


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
