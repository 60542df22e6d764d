"""Where a network's time goes: its layers, call by call, and what lies between them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What the virtual machine's own functions are for, by how their names begin.
_PARTS = {
    "alloc": "allocation",
    "reshape": "views",
    "check": "checks",
    "match": "checks",
    "copy": "copies",
    "to_device": "copies",
}
_BUILTIN = "vm.builtin."
_REST = "calls and the rest"


@dataclass(frozen=True, kw_only=True)
class Inside:
    """A network as it runs.

    Attributes:
        network_s: Seconds of one inference, nothing observed.
        calls: Layers in order, by the name of the function, with the seconds of each call.
        others: Seconds of everything else that was called, by name.
    """

    network_s: float
    calls: tuple[tuple[str, float], ...]
    others: Mapping[str, float]

    @property
    def layers_s(self) -> float:
        """Seconds of all layers' calls."""
        return sum(seconds for _, seconds in self.calls)

    def parts_s(self) -> dict[str, float]:
        """What the network takes beside its layers, by purpose; together it is the difference.

        Observing makes short calls longer: where they come to more than the difference, they share
        it in proportion.
        """
        parts: dict[str, float] = defaultdict(float)
        for name, seconds in self.others.items():
            short = name.removeprefix(_BUILTIN)
            purpose = next((p for begin, p in _PARTS.items() if short.startswith(begin)), _REST)
            parts[purpose] += seconds
        difference_s = self.network_s - self.layers_s
        seen_s = sum(parts.values())
        scale = min(1.0, max(0.0, difference_s) / seen_s) if seen_s else 1.0
        parts = defaultdict(float, {purpose: scale * s for purpose, s in parts.items()})
        parts[_REST] += difference_s - scale * seen_s
        return dict(parts)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"network_s": self.network_s, "calls": self.calls, "others": dict(self.others)}


def inside_of(fields: Mapping[str, Any]) -> Inside:
    """What `Inside.as_dict` gave, after it was JSON."""
    calls = tuple((str(name), float(seconds)) for name, seconds in fields["calls"])
    return Inside(network_s=fields["network_s"], calls=calls, others=fields["others"])


def is_layer(name: str) -> bool:
    """Whether a function that a network calls is a layer, and not the virtual machine's own."""
    return not name.startswith(_BUILTIN)
