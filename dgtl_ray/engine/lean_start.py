"""Ray on one machine without the processes that a search never asks anything of.

`ray.init` has no switch for them: an autoscaler, a server for dashboards and one that follows logs,
each a Python process that takes a second of a core, and the second is waited for. The agent of the
node stays, as the raylet needs it, without its servers. Where another version of Ray starts its
processes in another way, all of them start.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ray._private import utils
from ray._private.node import Node

_NEEDLESS = ("start_monitor", "start_api_server", "start_log_monitor")
# What Ray asks before it tells the agent to serve: are the packages there that its servers need?
_ASKED_OF_SERVERS = "get_dashboard_dependency_error"


@contextmanager
def without_needless() -> Iterator[None]:
    """A cluster that is started inside has no more processes than it needs. Not thread-safe."""
    with ExitStack() as stack:
        for name in _NEEDLESS:
            stack.enter_context(_replaced(Node, name, _start_nothing))
        stack.enter_context(_replaced(utils, _ASKED_OF_SERVERS, _left_out))
        yield


def _start_nothing(*_: Any, **__: Any) -> None:
    """In place of a start."""


def _left_out() -> ImportError:
    return ImportError("left out")


@contextmanager
def _replaced(owner: Any, name: str, substitute: Callable[..., Any]) -> Iterator[None]:
    """Replace what `owner` calls `name`, if it has it, for a while."""
    original = getattr(owner, name, None)
    if original is None:
        yield
        return
    setattr(owner, name, substitute)
    try:
        yield
    finally:
        setattr(owner, name, original)
