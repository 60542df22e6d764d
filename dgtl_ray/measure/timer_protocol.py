"""What a timer asks of its worker besides timing, and what it is told."""

import re
from dataclasses import dataclass

from dgtl_ray.core.device import Conditions
from dgtl_ray.core.roles import Artifact


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The answer to a `RunInput`.

    Attributes:
        repeats_s: Seconds per run of each repeat.
        conditions: The device just after.
        passed_bytes: What passed through its caches between two runs.
    """

    repeats_s: tuple[float, ...]
    conditions: Conditions
    passed_bytes: int


@dataclass(frozen=True, kw_only=True)
class VerifyInput:
    """Run candidate and reference on the same inputs; the answer is the largest relative error."""

    artifact: Artifact
    reference: Artifact
    target: str


@dataclass(frozen=True, kw_only=True)
class DescribeInput:
    """Describe the device of a target; the answer is a `DeviceDescriptor`."""

    target: str


# What a worker prints once every alternative has run.
ALL_RAN = "all alternatives have run"
_TOLD = re.compile(rf"layer (\d+), alternative (\d+) runs first|{ALL_RAN}")


def alternative_text(layer: int, number: int) -> str:
    """A line that says which alternative runs next: it is known so if the worker ends with it."""
    return f"layer {layer}, alternative {number} runs first"


def told_alternative(said: str) -> tuple[int, int] | None:
    """Layer and number of the alternative that a worker said last to run the first time.

    None where it said so of none, or all had run.
    """
    told = [match.groups() for match in _TOLD.finditer(said)]
    if not told or told[-1][0] is None:
        return None
    return int(told[-1][0]), int(told[-1][1])
