"""Every device of a cluster, and what it does just now."""

from typing import Any

from dgtl_ray.engine.places import find_places
from dgtl_ray.engine.roll_call import Presence, reports_of_runs, roll_call
from dgtl_ray.engine.session import ray_session

_ANSWER_S = 60.0


def list_devices(address: str) -> list[dict[str, Any]]:
    """One row a device of the cluster at `address`: those that runs use, then the idle ones.

    `descriptor` is all that is known of what it is; the other columns are for people.

    Raises:
        InputError: No cluster answers at `address`.
    """
    with ray_session(address):
        used = reports_of_runs()
        idle = [
            place
            for kind in ("cuda", "cpu")
            for place in find_places(kind)
            if place.device_id not in used and (kind == "cpu" or place.resources)
        ]
        return [
            *(_in_use(run, report) for run, report in used.values()),
            # None of a run's: one in other hands cannot be asked.
            *(_idle(presence) for presence in roll_call(idle, _ANSWER_S)),
        ]


def _in_use(run: str, report: dict[str, Any]) -> dict[str, Any]:
    faults = ", ".join(f"{kind} {count}×" for kind, count in report["faults"].items())
    erratic = ", erratic" if report["is_erratic"] else ""
    return {
        **_row(report["name"], report["descriptor"] or {"kind": report["kind"]}),
        "state": f"{report['state']}{erratic}",
        "run": run,
        "trials": report["trials"],
        "busy (%)": 100.0 * report["busy_s"] / max(report["up_s"], report["busy_s"], 1e-9),
        "failures": faults,
        "error": report["error"],
    }


def _idle(presence: Presence) -> dict[str, Any]:
    known = presence.descriptor
    return {
        **_row(presence.place.name, known.as_dict() if known else {"kind": presence.place.kind}),
        "state": "idle" if known else "silent",
        "run": "",
        "trials": 0,
        "busy (%)": 0.0,
        "failures": "",
        "error": presence.error,
    }


def _row(name: str, descriptor: dict[str, Any]) -> dict[str, Any]:
    columns = {"kind": "kind", "name": "what", "cores": "cores", "peak_gflops": "GFLOP/s"}
    row = {"device": name} | {title: descriptor.get(key, "") for key, title in columns.items()}
    return {**row, "descriptor": descriptor}
