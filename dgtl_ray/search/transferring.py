"""What a proposer that learned from sources tells of them."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from dgtl_ray.transfer.relatedness import Relatedness


@runtime_checkable
class Transferring(Protocol):
    """A proposer that judges its sources by what was measured of the target."""

    @property
    def fallbacks(self) -> Sequence[str]:
        """What numerical trouble it met, and what it did without."""
        ...

    def relatedness(self) -> tuple[Relatedness, ...]:
        """How related each source turned out to be; none without sources."""
        ...
