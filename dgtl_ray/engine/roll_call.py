"""What every device of a cluster is, asked of all at once."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from dgtl_ray.core.device import DeviceAnswer, DeviceDescriptor, prevalent, processor_of
from dgtl_ray.core.errors import DeviceError, DgtlError
from dgtl_ray.engine.board import published
from dgtl_ray.engine.health import DeviceState
from dgtl_ray.engine.places import DeviceId, Place, find_places
from dgtl_ray.engine.remote import at_place
from dgtl_ray.measure import describe_device
from dgtl_ray.model import parse_target

_ANSWER_S = 120.0
# How long a GPU is waited for where there is none yet: rented nodes need minutes to come.
_JOIN_S, _LOOK_EVERY_S = 600.0, 5.0
_ASKED_AT_ONCE = 64
# A run tells of such devices, too, and leaves them to others.
_LEFT = frozenset({DeviceState.REFUSED, DeviceState.LOST})


@dataclass(frozen=True, kw_only=True)
class Presence(DeviceAnswer):
    """A device that was asked what it is, by its place."""

    place: Place


def roll_call(places: Sequence[Place], timeout_s: float = _ANSWER_S) -> list[Presence]:
    """Ask devices what they are, all at once; none may be in other hands."""
    if not places:
        return []
    with ThreadPoolExecutor(min(_ASKED_AT_ONCE, len(places))) as askers:
        return list(askers.map(partial(_ask, timeout_s), places))


def reports_of_runs() -> dict[DeviceId, tuple[str, dict[str, Any]]]:
    """What runs on the cluster told of the devices that they use: run, and its report."""
    told = [(run, report) for run, of_run in published().items() for report in of_run]
    told.sort(key=lambda entry: entry[1]["state"] in _LEFT, reverse=True)
    return {
        (report["node_id"], report["kind"], report["name"]): (run, report) for run, report in told
    }


def choose_device(
    kind: str,
    wanted: str,
    note: Callable[[str], None],
    processor: str = "",
    *,
    preferred: str = "",
    join_s: float = _JOIN_S,
) -> Presence:
    """A device for targets of a kind (`cpu` or `cuda`), of the kind of device that most are.

    Args:
        kind: Of the target.
        wanted: The device's key, or words of its name, as `A100`; "" where any will do.
        note: Told of devices that do not answer.
        processor: The one that it must have, "" where any will do.
        preferred: The processor that it has where any device does.
        join_s: How long a GPU is waited for where the cluster has none.

    Raises:
        DeviceError: None answers, or none of them is what is wanted.
    """
    _await_gpu(kind, note, join_s)
    present = _present(kind)
    for presence in present:
        if presence.error:
            note(f"device {presence.place.name} does not answer: {presence.error}")
    fitting = [p for p in _called(wanted, present) if processor in {"", p.processor}]
    if not fitting:
        raise DeviceError(_none_fits(kind, wanted, processor, present))
    meant = [p for p in fitting if preferred in {"", p.processor}] or fitting
    most = prevalent(presence.kind for presence in meant)
    return next(presence for presence in meant if presence.kind == most)


def _called(wanted: str, present: Sequence[Presence]) -> list[Presence]:
    """Devices that are called so; those whose whole key or name it is, where there are any."""
    known = [(p, p.descriptor) for p in present if p.descriptor is not None]
    exact = [p for p, descriptor in known if wanted in {descriptor.key, descriptor.name}]
    return exact or [p for p, descriptor in known if descriptor.is_called(wanted)]


def _none_fits(kind: str, wanted: str, processor: str, present: Sequence[Presence]) -> str:
    there = ", ".join(sorted({str(p.kind) for p in present if p.descriptor})) or "none"
    called = f" called {wanted!r}" if wanted else ""
    of = f" of the processor {processor!r}" if processor else ""
    return f"no {kind} device{called}{of} answers on this cluster; there are: {there}"


def _await_gpu(kind: str, note: Callable[[str], None], join_s: float) -> None:
    give_up = time.monotonic() + join_s
    if kind != "cuda" or _has_gpu():
        return
    note(f"no GPU has joined the cluster yet: waiting for one, {join_s:g} s at most")
    while not _has_gpu() and time.monotonic() < give_up:
        time.sleep(_LOOK_EVERY_S)


def _has_gpu() -> bool:
    return any(place.resources for place in find_places("cuda"))


def describe_kind(kind: str) -> tuple[DeviceDescriptor, str]:
    """The device of a kind (`cpu` or `cuda`) that is on this machine, and its processor.

    Raises:
        DgtlError: There is none.
    """
    target = parse_target(kind).json
    return describe_device(target), processor_of(target)


def _present(kind: str) -> list[Presence]:
    """All devices of a kind; those in a run's hands as that run told of them."""
    told, free = [], []
    reports = reports_of_runs()
    for place in find_places(kind):
        _, report = reports.get(place.device_id, ("", {}))
        if _tells(report):
            descriptor = DeviceDescriptor(**report["descriptor"])
            told.append(Presence(place=place, descriptor=descriptor, processor=report["processor"]))
        else:
            free.append(place)
    return [*roll_call(free), *told]


def _tells(report: Mapping[str, Any]) -> bool:
    """Whether a run's report says what a device is, and that nobody else can ask it."""
    is_known = report.get("descriptor") and report.get("processor")
    return bool(is_known) and report["state"] not in _LEFT


def _ask(timeout_s: float, place: Place) -> Presence:
    try:
        # One that nobody has to reserve is this node's own.
        if place.resources:
            descriptor, processor = at_place(place, timeout_s, describe_kind, place.kind)
        else:
            descriptor, processor = describe_kind(place.kind)
    except DgtlError as error:
        return Presence(place=place, descriptor=None, error=str(error))
    return Presence(place=place, descriptor=descriptor, processor=processor)
