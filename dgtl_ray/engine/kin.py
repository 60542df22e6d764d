"""Layers that are alike: what is fast in one is worth a trial in the others."""

import json
from collections.abc import Sequence
from itertools import chain, islice, zip_longest

from dgtl_ray.core.measurement import Measurement
from dgtl_ray.space import DesignSpace

# A layer's fastest configurations that its kin are told of, if they are at most this factor slower
# than its best, and how many a layer is told at a time.
_FASTEST, _WITHIN, _TOLD = 4, 1.15, 16


class Kin:
    """Layers whose design spaces have the same knobs, as those of one shape with other epilogues.

    What it costs does not grow with the number of measurements.

    Args:
        spaces: Of the layers.
    """

    def __init__(self, spaces: Sequence[DesignSpace]) -> None:
        knobs = [_knobs(space) if space.size > 1 else "" for space in spaces]
        self._of = [
            [other for other, theirs in enumerate(knobs) if mine == theirs and other != layer]
            if mine
            else []
            for layer, mine in enumerate(knobs)
        ]
        # The lowest cost of each layer's fastest configurations, the fastest first.
        self._fastest: list[dict[str, float]] = [{} for _ in spaces]

    def learn(self, layer: int, row: Measurement) -> None:
        """Take note of a layer's measurement; in whatever order, the same is known in the end."""
        fastest = self._fastest[layer]
        if row.cost_s is None or row.cost_s >= fastest.get(row.config, float("inf")):
            return
        known = fastest | {row.config: row.cost_s}
        ranked = sorted(known.items(), key=lambda item: (item[1], item[0]))
        self._fastest[layer] = dict(ranked[:_FASTEST])

    def tips(self, layer: int) -> list[str]:
        """The fastest configurations of a layer's kin, the fastest of each first, each once."""
        fastest = [_near_best(self._fastest[other]) for other in self._of[layer]]
        in_turn = chain.from_iterable(zip_longest(*fastest, fillvalue=""))
        return list(islice(dict.fromkeys(config for config in in_turn if config), _TOLD))


def _near_best(fastest: dict[str, float]) -> list[str]:
    limit_s = _WITHIN * min(fastest.values(), default=0.0)
    return [config for config, cost_s in fastest.items() if cost_s <= limit_s]


def _knobs(space: DesignSpace) -> str:
    """Text of what each sketch's knobs choose from: equal where configurations mean the same."""
    choices = [
        [
            sketch.algorithm,
            *((knob.name, knob.kind, knob.shape, knob.values, knob.sites) for knob in sketch.knobs),
        ]
        for sketch in space.sketches
    ]
    return json.dumps(choices)
