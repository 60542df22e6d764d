"""What was fast elsewhere is worth a trial here."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.measurement import Measurement, Status, TimedIn
from dgtl_ray.history import ParquetHistory, recall_fastest
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE, example_measurement

# The same machine, but somebody else's; another with vectors as long; one with shorter ones.
TWIN = {"device_key": f"{EXAMPLE_DEVICE.key}#elsewhere", "device": EXAMPLE_DEVICE.as_dict()}
LARGE = replace(EXAMPLE_DEVICE, cores=64)
TARGET = example_measurement(0).target
NARROW = replace(EXAMPLE_DEVICE, name="narrow", vector_lanes=EXAMPLE_DEVICE.vector_lanes // 2)


def row(trial: int, config: str, cost_s: float | None, **changes: Any) -> Measurement:
    status = Status.OK if cost_s else Status.BUILD_ERROR
    settings: dict[str, Any] = {"workload_key": "a", "config": config, "status": status}
    return example_measurement(trial, cost_s=cost_s, **settings | changes)


def on(device: DeviceDescriptor) -> dict[str, Any]:
    return {"device_key": device.key, "device": device.as_dict()}


def recalled(folder: Path, rows: list[Measurement]) -> list[str]:
    store = ParquetHistory(str(folder))
    store.append(rows)
    return [row.config for row in recall_fastest([store], ["a"], EXAMPLE_DEVICE, TARGET)]


def test_the_fastest_of_each_device_come_in_turn_the_most_alike_first(tmp_path: Path) -> None:
    rows = [
        *(row(0, "n1", 1.0, **on(NARROW)), row(1, "l1", 2.0, **on(LARGE))),
        *(row(2, "t2", 1.05, **TWIN), row(3, "t1", 1.0, **TWIN), row(4, "l1", 9.0, **TWIN)),
    ]
    assert recalled(tmp_path, rows) == ["t1", "l1", "n1", "t2"]


def test_only_the_few_that_are_nearly_as_fast_as_the_best_are_recalled(tmp_path: Path) -> None:
    rows = [row(k, f"c{k}", 1.0 + k / 100, **TWIN) for k in range(9)]
    rows += [row(20, "slow", 1.2, **TWIN), row(21, "broken", None, **TWIN)]
    assert recalled(tmp_path, rows) == ["c0", "c1", "c2"]


def test_times_in_a_network_and_wrong_results_are_not_recalled(tmp_path: Path) -> None:
    rows = [
        *(row(0, "a", 1.0, **TWIN), row(1, "b", 1.05, **TWIN), row(2, "c", 0.5, **TWIN)),
        row(3, "c", None, status=Status.WRONG_RESULT, **TWIN),
        row(4, "b", 0.1, timed_in=TimedIn.NETWORK, **TWIN),
        row(5, "only wrong", None, status=Status.WRONG_RESULT, **on(NARROW)),
    ]
    assert recalled(tmp_path, rows) == ["a", "b"]


def test_what_this_device_measured_and_default_schedules_are_not_recalled(tmp_path: Path) -> None:
    rows = [
        row(0, "own", 1.0),
        row(1, "", 1.0, **TWIN),
        row(2, "b", 1.0, **TWIN | {"workload_key": "b"}),
    ]
    rows.append(row(3, "gpu", 1.0, device_key="cuda/a/2", device=EXAMPLE_DEVICE.as_dict()))
    assert recalled(tmp_path, rows) == []


def test_generations_that_share_a_name_are_told_apart(tmp_path: Path) -> None:
    """Each has its fastest, however slow; one whose vectors are shorter is no twin."""
    older = TWIN | {"device": replace(NARROW, name=EXAMPLE_DEVICE.name).as_dict()}
    rows = [
        row(0, "older", 3.0, target='{"mcpu": "a"}', **older),
        row(1, "newer", 1.0, target='{"mcpu": "b"}', **TWIN),
        row(2, "large", 9.0, **on(LARGE)),
    ]
    assert recalled(tmp_path, rows) == ["newer", "large", "older"]


def test_another_generation_under_the_name_of_this_device_is_elsewhere(tmp_path: Path) -> None:
    rows = [row(0, "own", 1.0), row(1, "older", 2.0, target='{"mcpu": "a"}')]
    assert recalled(tmp_path, rows) == ["older"]
