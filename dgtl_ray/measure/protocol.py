"""What passes between an owner, its warm server, and the workers forked from it.

An owner (the process that builds or times) starts one *server*: a fresh interpreter that has
imported TVM and does nothing but fork. Each fork is a *worker* that serves jobs, one after another,
over a connection of its own to the owner.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from dgtl_ray.core.task import LayerTask


@dataclass(frozen=True, kw_only=True)
class ForkRequest:
    """Fork a worker; the owner's end of its connection follows as a file descriptor.

    The server answers with the worker's process id.
    """

    scratch: str
    memory_limit_bytes: int


@dataclass(frozen=True, kw_only=True)
class ReapRequest:
    """End a worker and all it started. The server answers with its exit code (−n for signal n)."""

    pid: int
    grace_s: float


@dataclass(frozen=True, kw_only=True)
class SpaceInput:
    """A task whose design space is to be read, for a target and from these algorithms."""

    task: LayerTask
    target: str
    algorithms: tuple[str, ...]


class Ending(Enum):
    """How a job ended."""

    DONE = auto()
    RAISED = auto()  # the job raised; the worker lives
    LOST = auto()  # the worker died of it
    ORPHANED = auto()  # the worker died with its server, which is no job's fault
    TIMED_OUT = auto()  # the worker was killed at the job's time limit


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A job's end: `value` where it is done, `text` saying what happened where it is not.

    `said` is the end of what a worker that is gone had printed.
    """

    ending: Ending
    value: Any = None
    text: str = ""
    said: str = ""
