"""What the layers learn of measurements."""

import math
from collections import defaultdict
from collections.abc import Sequence

from dgtl_ray.core.measurement import Measurement
from dgtl_ray.engine.layer import Outcome


def outcomes_by_layer(
    layers: Sequence[int], rows: Sequence[Measurement]
) -> dict[int, list[Outcome]]:
    """What the proposers learn of rows, one for each of `layers`."""
    outcomes: dict[int, list[Outcome]] = defaultdict(list)
    for layer, row in zip(layers, rows, strict=True):
        outcomes[layer].append(outcome_of(row))
    return dict(outcomes)


def outcome_of(row: Measurement) -> Outcome:
    """What a proposer learns of a measurement."""
    cost_s = math.nan if row.cost_s is None else row.cost_s
    return Outcome(
        config=row.config, cost_s=cost_s, status=row.status, spent_s=row.build_s + row.timing_s
    )
