"""Layers that are alike: what is fast in one is worth a trial in the others."""

import json
from collections.abc import Callable, Sequence
from itertools import chain, zip_longest

from dgtl_ray.core.measurement import Measurement
from dgtl_ray.engine.winners import ConfirmConfig, finalists
from dgtl_ray.space import DesignSpace

# A layer's fastest configurations that its kin are told of.
_TOLD = ConfirmConfig(finalists=4)


class Kin:
    """Layers whose design spaces have the same knobs, as those of one shape with other epilogues.

    Args:
        spaces: Of the layers.
        rows: All measurements of a layer so far.
    """

    def __init__(
        self, spaces: Sequence[DesignSpace], rows: Callable[[int], Sequence[Measurement]]
    ) -> None:
        self._rows = rows
        knobs = [_knobs(space) if space.size > 1 else "" for space in spaces]
        self._of = [
            [other for other, theirs in enumerate(knobs) if mine == theirs and other != layer]
            if mine
            else []
            for layer, mine in enumerate(knobs)
        ]

    def tips(self, layer: int) -> list[str]:
        """The fastest configurations of a layer's kin, the fastest of each first, each once."""
        fastest = [finalists(self._rows(other), _TOLD) for other in self._of[layer]]
        in_turn = chain.from_iterable(zip_longest(*fastest, fillvalue=""))
        return list(dict.fromkeys(config for config in in_turn if config))


def _knobs(space: DesignSpace) -> str:
    """Text of what each sketch's knobs choose from: equal where configurations mean the same."""
    choices = [
        [(knob.name, knob.kind, knob.shape, knob.values, knob.sites) for knob in sketch.knobs]
        for sketch in space.sketches
    ]
    return json.dumps(choices)
