"""Runs a saved module and observes its calls: `python -m dgtl_ray.deploy.inside_server DIR`.

It prints one line of JSON, an `Inside`.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from dgtl_ray.core.child_server import reply
from dgtl_ray.core.inside import Inside, is_layer

_WARM_UP_RUNS = 3
# Pairs of runs, one of them observed: as many as fit into the time, but at least the fewest.
_MOST_PAIRS = 60
_FEWEST_PAIRS = 4
_LIMIT_S = 8.0


@dataclass
class Observer:
    """Notes the seconds of each call that the virtual machine makes, in order."""

    calls: list[tuple[str, float]] = field(default_factory=list)
    _begun_ns: list[int] = field(default_factory=list)

    def __call__(self, _function: Any, name: str, before: bool, *_: Any) -> int:
        """Called before and after each call; 0 lets it go on."""
        now_ns = time.perf_counter_ns()
        if before:
            self._begun_ns.append(time.perf_counter_ns())
        else:
            self.calls.append((name, (now_ns - self._begun_ns.pop()) * 1e-9))
        return 0


def inside(directory: str) -> dict[str, Any]:
    """Load a module and look inside.

    Raises:
        DgtlError: It cannot be loaded here.
    """
    # TVM would import torch where it finds it, for nothing.
    sys.modules["torch"] = None  # type: ignore[assignment]
    from dgtl_ray.deploy.loading import load
    from dgtl_ray.deploy.server import random_inputs

    module = load(directory)
    runner = module.runner
    inputs = runner.prepare(*random_inputs(module.metadata.inputs))
    run = partial(runner.run_prepared, inputs)
    return observe(run, partial(runner.run_observed, inputs)).as_dict()


def observe(run: Callable[[], object], observed: Callable[[Any], object]) -> Inside:
    """Alternate runs with runs that an observer watches.

    What is told is the mean of the middle half of each: what holds up a run now and then has no
    say, and the calls of one run belong together.

    Args:
        run: One inference.
        observed: One inference, told to an observer.
    """
    for _ in range(_WARM_UP_RUNS):
        run()
    plain_s: list[float] = []
    watched: list[tuple[float, list[tuple[str, float]]]] = []
    end_s = time.perf_counter() + _LIMIT_S
    while len(plain_s) < _FEWEST_PAIRS or (
        len(plain_s) < _MOST_PAIRS and time.perf_counter() < end_s
    ):
        plain_s.append(_seconds(run))
        observer = Observer()
        watched.append((_seconds(partial(observed, observer)), observer.calls))
    kept = [calls for _, calls in _middle(sorted(watched, key=lambda pair: pair[0]))]
    return _inside(float(np.mean(_middle(sorted(plain_s)))), kept)


def _inside(network_s: float, runs: Sequence[Sequence[tuple[str, float]]]) -> Inside:
    """Means of each call over runs; what observing costs is taken for the shortest of them."""
    names = [name for name, _ in runs[0]]
    means = np.mean([[seconds for _, seconds in calls] for calls in runs], axis=0)
    means -= means.min()
    others: dict[str, float] = defaultdict(float)
    for name, seconds in zip(names, means, strict=True):
        if not is_layer(name):
            others[name] += float(seconds)
    layers = [(n, float(s)) for n, s in zip(names, means, strict=True) if is_layer(n)]
    return Inside(network_s=network_s, calls=tuple(layers), others=others)


def _middle(ranked: Sequence[Any]) -> Sequence[Any]:
    """The middle half."""
    quarter = len(ranked) // 4
    return ranked[quarter : len(ranked) - quarter]


def _seconds(work: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    work()
    return time.perf_counter() - start_s


if __name__ == "__main__":
    sys.exit(reply(partial(inside, sys.argv[1])))
