"""What a proposer that learns from other tasks tells of them, and is told of them."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from dgtl_ray.core.roles import IntArray
from dgtl_ray.transfer.relatedness import Relatedness


@runtime_checkable
class Transferring(Protocol):
    """A proposer that judges its sources by what was measured of the target."""

    @property
    def fallbacks(self) -> Sequence[str]:
        """What numerical trouble it met, and what it did without."""
        ...

    @property
    def heard(self) -> bool:
        """Whether sources have a say: by what was measured so far, they may be in doubt."""
        ...

    def suggest(self, pool: IntArray) -> None:
        """Consider configurations (n × knobs) that are fast in a task alike, the best first."""
        ...

    def relatedness(self) -> tuple[Relatedness, ...]:
        """How related each source turned out to be; none without sources."""
        ...
