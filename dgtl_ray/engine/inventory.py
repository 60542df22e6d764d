"""Every device of a cluster, and what it does just now."""

from typing import Any

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DgtlError
from dgtl_ray.engine.board import published
from dgtl_ray.engine.places import Place, find_places
from dgtl_ray.engine.remote import at_place
from dgtl_ray.engine.session import ray_session
from dgtl_ray.measure import describe_device
from dgtl_ray.model import parse_target

_ANSWER_S = 60.0


def list_devices(address: str) -> list[dict[str, Any]]:
    """One row a device of the cluster at `address`: those that runs use, then the idle ones.

    Raises:
        InputError: No cluster answers at `address`.
    """
    with ray_session(address):
        used = {report["name"]: (run, report) for run, of in published().items() for report in of}
        idle = [
            (kind, place)
            for kind in ("cuda", "cpu")
            for place in find_places(kind)
            if place.name not in used and (kind == "cpu" or place.resources)
        ]
        return [
            *(_in_use(run, report) for run, report in used.values()),
            *(_idle(kind, place) for kind, place in idle),
        ]


def describe_kind(kind: str) -> DeviceDescriptor:
    """The device of a kind (`cpu` or `cuda`) that is on this machine.

    Raises:
        DgtlError: There is none.
    """
    return describe_device(parse_target(kind).json)


def _in_use(run: str, report: dict[str, Any]) -> dict[str, Any]:
    faults = ", ".join(f"{kind} {count}×" for kind, count in report["faults"].items())
    erratic = ", erratic" if report["is_erratic"] else ""
    return {
        **_row(report["name"], report["descriptor"] or {}),
        "state": f"{report['state']}{erratic}",
        "run": run,
        "trials": report["trials"],
        "busy (%)": 100.0 * report["busy_s"] / max(report["up_s"], report["busy_s"], 1e-9),
        "failures": faults,
        "error": report["error"],
    }


def _idle(kind: str, place: Place) -> dict[str, Any]:
    """A device that no run has told of: asked what it is, which one in other hands cannot be."""
    free = {"state": "idle", "run": "", "trials": 0, "busy (%)": 0.0, "failures": "", "error": ""}
    try:
        descriptor = at_place(place, _ANSWER_S, describe_kind, kind)
    except DgtlError as error:
        return {**_row(place.name, {"kind": kind}), **free, "state": "silent", "error": str(error)}
    return {**_row(place.name, descriptor.as_dict()), **free}


def _row(name: str, descriptor: dict[str, Any]) -> dict[str, Any]:
    columns = {"kind": "kind", "name": "what", "cores": "cores", "peak_gflops": "GFLOP/s"}
    return {"device": name} | {title: descriptor.get(key, "") for key, title in columns.items()}
