"""What was built of each layer's fastest candidates, so that nobody builds it again."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Generic, TypeVar

# More than are ever timed again.
_KEPT = 8
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class _Kept(Generic[T]):
    cost_s: float
    schedule: str
    built: T


class Shelf(Generic[T]):
    """Builds by layer and schedule; of each layer the fastest few stay."""

    def __init__(self) -> None:
        self._kept: dict[int, list[_Kept[T]]] = defaultdict(list)

    def keep(self, layer: int, schedule: str, built: T, cost_s: float) -> None:
        """Put a build there, if it is among the fastest of its layer."""
        kept = [one for one in self._kept[layer] if one.schedule != schedule]
        kept.append(_Kept(cost_s=cost_s, schedule=schedule, built=built))
        self._kept[layer] = sorted(kept, key=lambda one: one.cost_s)[:_KEPT]

    def find(self, layer: int, schedule: str) -> T | None:
        """The build of a schedule, None where it is not there."""
        return next((one.built for one in self._kept[layer] if one.schedule == schedule), None)
