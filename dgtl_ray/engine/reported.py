"""What a function tells by `ray.tune.report` instead of returning it."""

import sys
from collections.abc import Mapping
from typing import Any

# Where Ray Tune keeps, in each process of its own, the session that `report` asks for.
_MODULE = "ray.train._internal.session"
_PLACE = "_session"


class _Session:
    """Takes what is reported; the latest counts."""

    world_rank = None
    loaded_checkpoint = None

    def __init__(self) -> None:
        self.latest: dict[str, Any] | None = None

    def report(self, metrics: Mapping[str, Any], checkpoint: Any = None) -> None:
        """Take numbers; a checkpoint has nobody to go on from it."""
        del checkpoint
        self.latest = dict(metrics)


def clear() -> None:
    """A call begins: nothing is reported yet. Without Ray Tune loaded, nothing can be."""
    if (module := sys.modules.get(_MODULE)) is not None:
        setattr(module, _PLACE, _Session())


def latest() -> dict[str, Any] | None:
    """What the call reported last, None where it reported nothing."""
    session = getattr(sys.modules.get(_MODULE), _PLACE, None)
    return session.latest if isinstance(session, _Session) else None
