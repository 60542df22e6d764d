"""KTT's results as JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import LATENCY, Objective
from dgtl_ray.core.measurement import Status
from dgtl_ray.recorded.formats.bounded import head_of, parse_json, read_text
from dgtl_ray.recorded.formats.task import Hints, ImportedRow, ImportedTask
from dgtl_ray.recorded.formats.values import expecting, judged, moment_of, number, seconds

_UNITS_S = {"nanoseconds": 1e-9, "microseconds": 1e-6, "milliseconds": 1e-3, "seconds": 1.0}
# What all of KTT's XML stands in.
_XML_ROOT = b"<TuningData"
_FAILURES = {
    "CompilationFailed": Status.BUILD_ERROR,
    "DeviceLimitsExceeded": Status.BUILD_ERROR,
    "ComputationFailed": Status.RUN_ERROR,
    "ValidationFailed": Status.WRONG_RESULT,
}


class Ktt:
    """See `Importer`."""

    name = "ktt"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See `Importer`."""
        del path
        is_json = head.lstrip()[:1] == b"{" and b'"Metadata"' in head and b'"TimeUnit"' in head
        return is_json or _is_xml(head)

    def read(self, path: Path, hints: Hints) -> list[ImportedTask]:
        """See `Importer`."""
        if _is_xml(head_of(path)):
            raise InputError(
                f"{path} is KTT's output as XML, which is not read: let KTT write JSON, "
                "SaveResults(…, ktt::OutputFormat::JSON)"
            )
        data = parse_json(read_text(path), str(path))
        with expecting(f"{path} is no output of KTT"):
            facts, results = data["Metadata"], data["Results"]
            unit = str(facts["TimeUnit"]).lower()
            if unit not in _UNITS_S:
                raise InputError(f"{path} counts in {unit!r}, which is no unit of time of KTT's")
            kernels: dict[str, list[ImportedRow]] = {}
            objective = hints.objective(LATENCY, "min")
            for result in results:
                row = _row(result, _UNITS_S[unit], objective, facts)
                kernels.setdefault(str(result["KernelName"]), []).append(row)
        if not kernels:
            raise InputError(f"{path} holds no configuration")
        return [
            ImportedTask(
                tool=self.name,
                name=kernel,
                objective=objective,
                rows=rows,
                device_name=str(facts.get("Device", "")),
                toolchain={"ktt": str(facts.get("KttVersion", ""))},
            )
            for kernel, rows in kernels.items()
        ]


def _is_xml(head: bytes) -> bool:
    return head.lstrip()[:1] == b"<" and _XML_ROOT in head


def _row(
    result: Mapping[str, Any], unit_s: float, objective: Objective, facts: Mapping[str, Any]
) -> ImportedRow:
    config = {str(pair["Name"]): pair["Value"] for pair in result["Configuration"]}
    told = str(result["Status"])
    if told == "Ok":
        value = number(result.get("TotalDuration"))
        metrics = {} if value is None else {objective.metric: value * unit_s}
        status, error = judged(objective, metrics)
    else:
        metrics, status, error = {}, _FAILURES.get(told, Status.RUN_ERROR), told or "failed"
    fine = status is Status.OK
    return ImportedRow(
        config=config,
        status=status,
        error=error,
        metrics=metrics if fine else {},
        repeats_s=tuple(metrics.values()) if fine and objective.is_time else (),
        timing_s=seconds(result.get("TotalDuration"), unit_s)
        + seconds(result.get("TotalOverhead"), unit_s),
        created_at=moment_of(facts.get("Timestamp")),
    )
