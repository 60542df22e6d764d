"""What can become of a random graph."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can become of a graph; the last four must not."""

    RIGHT = "right"
    REFUSED = "refused plainly"
    TOLD = "wrong, but told before the search"
    NO_REFERENCE = "not run by ONNX Runtime"
    WRONG = "wrong, called right"
    TRACEBACK = "traceback"
    CRASH = "crash"
    HANG = "hang"


BAD = (Kind.WRONG, Kind.TRACEBACK, Kind.CRASH, Kind.HANG)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a graph, and why."""

    kind: Kind
    why: str = ""

    def as_dict(self) -> dict[str, str]:
        """JSON-ready."""
        return asdict(self)
