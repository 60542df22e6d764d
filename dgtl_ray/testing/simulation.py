"""Stand-ins for building and timing that take time, and a search with them as JSON.

What the engine costs, and what it survives, is measured with these: the engine, Ray and the design
spaces are real, the compiler and the hardware are not.
"""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from zlib import crc32

from dgtl_ray.core.roles import BuildInput, BuildResult, RunInput, RunResult
from dgtl_ray.core.task import LayerTask, TensorSpec
from dgtl_ray.space import DesignSpace
from dgtl_ray.testing.fakes import FakeBuilder, FakeTimer

# Builds differ this much, as the standard deviation of the logarithm of their durations.
_SPREAD = 0.5


def duration_s(schedule: str, median_s: float) -> float:
    """How long a schedule takes: log-normal over schedules, the same text takes the same time."""
    uniform = (crc32(b"duration" + schedule.encode()) + 0.5) / 2**32
    return median_s * math.exp(_SPREAD * math.log(uniform / (1 - uniform)) * math.sqrt(3) / math.pi)


class SleepingBuilder(FakeBuilder):
    """Builds anything, in time."""

    def build(self, item: BuildInput) -> BuildResult:
        """The schedule's text as the artifact, after `build_s` or so."""
        build_s = duration_s(item.schedule, self.build_s)
        time.sleep(build_s)
        result = super().build(item)
        self.built.clear()
        return replace(result, build_s=build_s)


class SleepingTimer(FakeTimer):
    """Times what `SleepingBuilder` built, in time."""

    def time(self, item: RunInput) -> RunResult:
        """The schedule's cost, after `timing_s`."""
        time.sleep(self.timing_s)
        self.timed.clear()
        return super().time(item)


@dataclass(frozen=True, kw_only=True)
class Builders:
    """Makes builders that take `build_s` in the median."""

    build_s: float

    def __call__(self) -> SleepingBuilder:
        """A builder."""
        return SleepingBuilder(build_s=self.build_s)


@dataclass(frozen=True, kw_only=True)
class Timers:
    """Makes timers that take `timing_s`."""

    timing_s: float

    def __call__(self) -> SleepingTimer:
        """A timer."""
        return SleepingTimer(timing_s=self.timing_s)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Layer tasks with their design spaces."""

    tasks: Sequence[LayerTask]
    spaces: Sequence[DesignSpace]
    target: str

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        fields = {
            "tasks": [asdict(task) for task in self.tasks],
            "spaces": [space.to_json() for space in self.spaces],
            "target": self.target,
        }
        path.write_text(json.dumps(fields))

    def layers(self, count: int) -> "Problem":
        """So many layers: these, again and again under other workload keys."""
        rounds = [divmod(k, len(self.tasks)) for k in range(count)]
        return Problem(
            tasks=[
                replace(self.tasks[k], workload_key=f"{self.tasks[k].workload_key}{n:x}")
                for n, k in rounds
            ],
            spaces=[self.spaces[k] for _, k in rounds],
            target=self.target,
        )


def load_problem(path: Path) -> Problem:
    """Read what `Problem.save` wrote."""
    fields = json.loads(path.read_text())
    return Problem(
        tasks=[_task(**task) for task in fields["tasks"]],
        spaces=[DesignSpace.from_json(space) for space in fields["spaces"]],
        target=fields["target"],
    )


@dataclass(frozen=True, kw_only=True)
class SimulatedSearch:
    """What `python -m dgtl_ray.testing.driver` runs, told as JSON.

    Attributes:
        problem: File that `Problem.save` wrote.
        history: Where measurements go.
        spool: Where they go while that cannot be reached.
        build_s: Median seconds of a build.
        timing_s: Seconds of a timing.
        timer: `module:factory` of another timer, "" for `SleepingTimer`.
        builder: `module:factory` of another builder, "" for `SleepingBuilder`.
        timeout_s: Wall-clock limit of one timing.
        health: Fields of `HealthPolicy` that are not as usual.
    """

    problem: str
    address: str
    history: str
    spool: str
    trials: int
    run_id: str = "run"
    search: str = "random"
    seed: int = 0
    build_s: float = 0.03
    timing_s: float = 0.03
    timer: str = ""
    builder: str = ""
    timeout_s: float = 10.0
    health: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> str:
        """For the command line."""
        return json.dumps(asdict(self))


def _task(*, args: list[dict[str, object]], surroundings: object, **fields: object) -> LayerTask:
    """A task from its fields; what it would find in its network is nothing to a fake."""
    del surroundings
    specs = tuple(
        TensorSpec(shape=tuple(arg["shape"]), dtype=str(arg["dtype"]))  # type: ignore[arg-type]
        for arg in args
    )
    return LayerTask(args=specs, **fields)  # type: ignore[arg-type]
