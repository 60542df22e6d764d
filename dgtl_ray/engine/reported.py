"""What a function tells by `ray.tune.report` instead of returning it."""

import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
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


class _Loader(SourceFileLoader):
    """Puts a session in its place as soon as there is one: the call is under way."""

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        setattr(module, _PLACE, _Session())


class _Finder:
    """Finds the module for a function that imports Ray Tune when it is called.

    To import it beforehand would cost every process seconds, and few functions report.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As any finder of Python's; None for all other modules, which others find."""
        spec = PathFinder.find_spec(name, path, target) if name == _MODULE else None
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(name, spec.origin)
        return spec


_FINDER = _Finder()


def clear() -> None:
    """A call begins: nothing is reported yet."""
    if (module := sys.modules.get(_MODULE)) is not None:
        setattr(module, _PLACE, _Session())
    elif _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def latest() -> dict[str, Any] | None:
    """What the call reported last, None where it reported nothing."""
    session = getattr(sys.modules.get(_MODULE), _PLACE, None)
    return session.latest if isinstance(session, _Session) else None
