"""Features of the knobs that no other column tells of."""

import numpy as np

from dgtl_ray.space.encoding.view import Columns, View
from dgtl_ray.space.knobs import KnobKind

# Knobs beyond this many are not told: only long chains of small reductions have them.
OTHER_SLOTS = 4
_TOLD = ("unroll", "threads", "fetch 0", "fetch 1")


def other_features(view: View, out: Columns) -> None:
    """How far along its table the choice of each further knob lies, from 0 to 1."""
    knobs = [(index, len(view.sketch.knobs[index])) for index in _others(view)]
    for slot in range(OTHER_SLOTS):
        relative = np.zeros(view.tiling.count, dtype=np.float64)
        if slot < len(knobs):
            index, count = knobs[slot]
            relative = view.tiling.choice(index) / max(count - 1, 1)
        out.add(f"other knob {slot}", relative)


def _others(view: View) -> list[int]:
    """Tiles outside the nest, locations after the first, categories without columns."""
    first_location = next(iter(view.tiling.locations), -1)
    return [
        index
        for index, knob in enumerate(view.sketch.knobs)
        if index not in view.sketch.tiles
        and knob.name not in _TOLD
        and not (knob.kind is KnobKind.LOCATION and index == first_location)
    ]
