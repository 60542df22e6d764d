"""What a timer asks of its worker besides timing, and what it is told."""

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
