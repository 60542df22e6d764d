"""A history in which what was fastest at first sight, alone, lost the contest in the network."""

from typing import Any

from dgtl_ray.core.measurement import Stage, TimedIn
from dgtl_ray.history import ParquetHistory
from dgtl_ray.testing.measurements import example_measurement

LUCKY, STEADY, PASSED_OVER = '{"tile": 1}', '{"tile": 2}', '{"tile": 3}'
_ALONE: dict[str, Any] = {"stage": Stage.SEARCH, "timed_in": TimedIn.ALONE}
_IN_NETWORK: dict[str, Any] = {"stage": Stage.CONFIRM, "timed_in": TimedIn.NETWORK}


def write_contest(uri: str) -> ParquetHistory:
    """Write it: `STEADY`, which takes 3 ms in the network, wins."""
    told = [
        (LUCKY, 1e-3, _ALONE),
        (STEADY, 2e-3, _ALONE),
        (PASSED_OVER, 2.5e-3, _ALONE),
        (LUCKY, 4e-3, _IN_NETWORK),
        (STEADY, 3e-3, _IN_NETWORK),
    ]
    store = ParquetHistory(uri)
    store.append(
        [
            example_measurement(trial, config=config, cost_s=cost_s, passed_bytes=1 << 20, **how)
            for trial, (config, cost_s, how) in enumerate(told)
        ]
    )
    return store
