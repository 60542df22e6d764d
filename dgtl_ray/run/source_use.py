"""What each source of history contributed to a run."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.transfer.relatedness import Relatedness


@dataclass(frozen=True, kw_only=True)
class SourceUse:
    """One source task, and what came of it in all layers together.

    Attributes:
        device: Where it was measured.
        measurements: How many of it were learned from.
        layers: How many asked it.
        correlation: Median, over those layers, of the rank correlation of what it led to expect
            with what was measured; None where no layer measured enough to say.
        distrusted: Layers that found it to rank no better than chance.
    """

    name: str
    device: str
    measurements: int
    layers: int
    correlation: float | None
    distrusted: tuple[str, ...]


def source_uses(
    sources: Sequence[SourceTask], judged: Mapping[str, Sequence[Relatedness]]
) -> tuple[SourceUse, ...]:
    """What came of each source, those first that most layers asked.

    Args:
        sources: All that were learned from.
        judged: By layer: how related those turned out to be that it asked.
    """
    asked: dict[str, list[tuple[str, Relatedness]]] = defaultdict(list)
    for layer, found in judged.items():
        for source in found:
            asked[source.name].append((layer, source))
    uses = [_use(source, asked[source.name]) for source in sources]
    return tuple(sorted(uses, key=lambda use: -use.layers))


def _use(source: SourceTask, judged: Sequence[tuple[str, Relatedness]]) -> SourceUse:
    known = [one.correlation for _, one in judged if one.correlation is not None]
    return SourceUse(
        name=source.name,
        device=source.device.name,
        measurements=len(source.cost_s),
        layers=len(judged),
        correlation=median(known) if known else None,
        distrusted=tuple(layer for layer, one in judged if not one.trusted),
    )
