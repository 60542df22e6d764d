"""A function to tune that takes ten milliseconds; what calls it imports nothing else."""

import time
from collections.abc import Mapping

CALL_S = 0.01
METRIC = "latency_s"


def short_call(config: Mapping[str, int]) -> dict[str, float]:
    """A made-up latency, and when it was called, in seconds since the epoch."""
    called = time.time()
    time.sleep(CALL_S)
    return {METRIC: 1e-3 * (1 + config["x"] + config["y"]), "called": called}
