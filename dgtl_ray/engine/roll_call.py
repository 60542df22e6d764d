"""What every device of a cluster is, asked of all at once."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError, DgtlError
from dgtl_ray.engine.board import published
from dgtl_ray.engine.places import Place, find_places
from dgtl_ray.engine.remote import at_place
from dgtl_ray.measure import describe_device
from dgtl_ray.model import parse_target

# What tells one device from all others: Ray's name of its node, and its own name.
DeviceId: TypeAlias = tuple[str, str]

_ANSWER_S = 120.0
# How long a GPU is waited for where there is none yet: rented nodes need minutes to come.
_JOIN_S, _LOOK_EVERY_S = 600.0, 5.0
_ASKED_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class Presence:
    """A device that was asked what it is; where it did not answer, `error` says why."""

    kind: str
    place: Place
    descriptor: DeviceDescriptor | None
    error: str = ""

    @property
    def key(self) -> str:
        """Of the kind of device that it is, "" where it did not answer."""
        return self.descriptor.key if self.descriptor else ""


def roll_call(devices: Sequence[tuple[str, Place]], timeout_s: float = _ANSWER_S) -> list[Presence]:
    """Ask devices (kind, place) what they are, all at once; none may be in other hands."""
    if not devices:
        return []
    with ThreadPoolExecutor(min(_ASKED_AT_ONCE, len(devices))) as askers:
        return list(askers.map(partial(_ask, timeout_s), *zip(*devices, strict=True)))


def reports_of_runs() -> dict[DeviceId, tuple[str, dict[str, Any]]]:
    """What runs on the cluster told of the devices that they use: run, and its report."""
    told = [(run, report) for run, of_run in published().items() for report in of_run]
    # A run tells of devices, too, that it found and leaves to others.
    told.sort(key=lambda entry: entry[1]["state"] in {"refused", "lost"}, reverse=True)
    return {(report["node_id"], report["name"]): (run, report) for run, report in told}


def choose_device(
    kind: str, wanted: str, note: Callable[[str], None], join_s: float = _JOIN_S
) -> Presence:
    """A device for targets of a kind (`cpu` or `cuda`), of the kind of device that most are.

    Args:
        kind: Of the target.
        wanted: The device's key, or part of its name, as `A100`; "" where any will do.
        note: Told of devices that do not answer.
        join_s: How long a GPU is waited for where the cluster has none.

    Raises:
        DeviceError: None answers, or none of them is what is wanted.
    """
    _await_gpu(kind, note, join_s)
    present = _present(kind)
    for presence in present:
        if presence.error:
            note(f"device {presence.place.name} does not answer: {presence.error}")
    known = [presence for presence in present if presence.descriptor]
    fitting = [p for p in known if p.descriptor and p.descriptor.is_called(wanted)]
    if not fitting:
        there = ", ".join(sorted({presence.key for presence in known})) or "none"
        asked = f" called {wanted!r}" if wanted else ""
        raise DeviceError(f"no {kind} device{asked} answers on this cluster; there are: {there}")
    counts = Counter(presence.key for presence in fitting)
    most = max(sorted(counts), key=lambda key: counts[key])
    return next(presence for presence in fitting if presence.key == most)


def _await_gpu(kind: str, note: Callable[[str], None], join_s: float) -> None:
    give_up = time.monotonic() + join_s
    if kind != "cuda" or _has_gpu():
        return
    note(f"no GPU has joined the cluster yet: waiting for one, {join_s:g} s at most")
    while not _has_gpu() and time.monotonic() < give_up:
        time.sleep(_LOOK_EVERY_S)


def _has_gpu() -> bool:
    return any(place.resources for place in find_places("cuda"))


def describe_kind(kind: str) -> DeviceDescriptor:
    """The device of a kind (`cpu` or `cuda`) that is on this machine.

    Raises:
        DgtlError: There is none.
    """
    return describe_device(parse_target(kind).json)


def _present(kind: str) -> list[Presence]:
    """All devices of a kind; those in a run's hands as that run told of them."""
    told, free = [], []
    reports = reports_of_runs()
    for place in find_places(kind):
        _, report = reports.get((place.node_id, place.name), ("", {}))
        if report.get("descriptor"):
            descriptor = DeviceDescriptor(**report["descriptor"])
            told.append(Presence(kind=kind, place=place, descriptor=descriptor))
        else:
            free.append((kind, place))
    return [*roll_call(free), *told]


def _ask(timeout_s: float, kind: str, place: Place) -> Presence:
    try:
        # One that nobody has to reserve is this node's own.
        here = not place.resources
        descriptor = (
            describe_kind(kind) if here else at_place(place, timeout_s, describe_kind, kind)
        )
    except DgtlError as error:
        return Presence(kind=kind, place=place, descriptor=None, error=str(error))
    return Presence(kind=kind, place=place, descriptor=descriptor)
