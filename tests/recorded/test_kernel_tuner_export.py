"""Rows of a history as Kernel Tuner's cache files: there and back, and Kernel Tuner goes on."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import Objective
from dgtl_ray.history import ParquetHistory
from dgtl_ray.recorded.importing import import_file
from dgtl_ray.recorded.kernel_tuner_export import export_kernel_tuner
from dgtl_ray.recorded.tables import read_table
from dgtl_ray.testing.measurements import example_measurement
from dgtl_ray.testing.recorded import made_up_cache
from tests.report.runs import call


def there_and_back(folder: Path, cache: dict[str, Any]) -> dict[str, Any]:
    """A cache file imported and exported again."""
    (folder / "in.json").write_text(json.dumps(cache))
    import_file(str(folder / "in.json"), str(folder / "h"))
    report = export_kernel_tuner(str(folder / "h"), str(folder / "out.json"))
    assert report.count == len(cache["cache"])
    told: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return told


def test_there_and_back(tmp_path: Path) -> None:
    cache = made_up_cache()
    told = there_and_back(tmp_path, cache)
    for key in ("device_name", "kernel_name", "problem_size", "tune_params_keys", "objective"):
        assert told[key] == cache[key]
    for name, values in cache["tune_params"].items():
        assert sorted(told["tune_params"][name], key=str) == sorted(values, key=str)
    assert list(told["cache"]) == list(cache["cache"])
    for key, entry in cache["cache"].items():
        for name, value in entry.items():
            same = pytest.approx(value) if isinstance(value, float | list) else value
            assert told["cache"][key][name] == same, name
    before, after = (read_table(str(tmp_path / name)) for name in ("in.json", "out.json"))
    assert before.cost_s.tolist() == pytest.approx(after.cost_s.tolist(), nan_ok=True)
    assert before.status == after.status


def test_objectives_that_are_no_times_come_back(tmp_path: Path) -> None:
    cache = made_up_cache() | {"objective": "GFLOP/s"}
    for entry in cache["cache"].values():
        entry["GFLOP/s"] = 100.0 / entry["time"] if isinstance(entry["time"], float) else "failed"
    told = there_and_back(tmp_path, cache)
    assert told["objective"] == "GFLOP/s"
    first, same = (next(iter(one["cache"].values())) for one in (cache, told))
    assert same["GFLOP/s"] == first["GFLOP/s"]
    assert same["time"] == pytest.approx(first["time"])


def test_what_is_no_time_has_no_times(tmp_path: Path) -> None:
    """Though rows of earlier versions have repeats."""
    store = ParquetHistory(str(tmp_path / "h"))
    rows = [call(k, Objective(metric="score", mode="max"), 1.0 + k) for k in range(2)]
    assert all(row.repeats_s for row in rows)
    store.append(rows)
    export_kernel_tuner(store.uri, str(tmp_path / "out.json"))
    told = json.loads((tmp_path / "out.json").read_text())
    entries = [(entry["score"], entry["times"]) for entry in told["cache"].values()]
    assert entries == [(1.0, []), (2.0, [])]


def test_rows_of_several_tasks_are_refused(tmp_path: Path) -> None:
    store = ParquetHistory(str(tmp_path / "h"))
    store.append([example_measurement(0), example_measurement(1, workload_key="other")])
    with pytest.raises(InputError, match=r"these rows are of 2: choose with --where, workload_key"):
        export_kernel_tuner(store.uri, str(tmp_path / "out.json"))
    with pytest.raises(InputError, match="nothing to export"):
        export_kernel_tuner(store.uri, str(tmp_path / "out.json"), "trial > 5")
    assert export_kernel_tuner(store.uri, str(tmp_path / "out.json"), "trial == 0").count == 1


def test_rows_for_several_targets_are_refused(tmp_path: Path) -> None:
    """Whose latencies are not one device's, though they share its key."""
    store = ParquetHistory(str(tmp_path / "h"))
    store.append([example_measurement(0), example_measurement(1, target='{"kind": "other"}')])
    out = str(tmp_path / "out.json")
    with pytest.raises(InputError, match="these rows are of 2: choose") as caught:
        export_kernel_tuner(store.uri, out)
    where = """target == '{"kind": "other"}'"""
    assert f" and {where} (" in str(caught.value)
    assert export_kernel_tuner(store.uri, out, where).count == 1


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(path: Path, target: Path) -> None:
        raise OSError(28, f"No space left on device: {target}")

    store, file = ParquetHistory(str(tmp_path / "h")), tmp_path / "out.json"
    store.append([example_measurement(0)])
    with monkeypatch.context() as failing:
        failing.setattr(Path, "rename", no_space)
        with pytest.raises(InputError, match="No space left"):
            export_kernel_tuner(store.uri, str(file))
    assert [path.name for path in tmp_path.iterdir()] == ["h"]
    export_kernel_tuner(store.uri, str(file))
    before = file.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        export_kernel_tuner(store.uri, str(file))
    assert file.read_bytes() == before


def test_damaged_files_are_named(tmp_path: Path) -> None:
    store = ParquetHistory(str(tmp_path / "h"))
    store.append([example_measurement(0)])
    (tmp_path / "h" / "torn.parquet").write_bytes(b"torn")
    told = str(export_kernel_tuner(store.uri, str(tmp_path / "out.json")))
    assert told.startswith(f"1 configurations: {tmp_path}")
    assert told.endswith("left out, damaged: " + str(tmp_path / "h" / "torn.parquet"))


@pytest.mark.slow
def test_kernel_tuner_goes_on_from_it(tmp_path: Path) -> None:
    """What Kernel Tuner does when it is given a cache: it takes this one, and adds to it."""
    util = pytest.importorskip("kernel_tuner.util")
    cache = made_up_cache()
    there_and_back(tmp_path, cache)
    file = str(tmp_path / "out.json")
    device = SimpleNamespace(name=cache["device_name"])
    runner = SimpleNamespace(get_device_info=lambda: device, simulation_mode=False)
    kernel = SimpleNamespace(
        kernel_name=cache["kernel_name"], problem_size=tuple(cache["problem_size"])
    )
    options = SimpleNamespace(tune_params=cache["tune_params"], simulation_mode=False)
    held = util.process_cache(file, kernel, options, runner)
    assert list(held) == list(cache["cache"])
    failed = [key for key, entry in held.items() if "__error__" in entry]
    assert failed == [key for key, one in cache["cache"].items() if isinstance(one["time"], str)]
    new = {"block_size_x": 512, "block_size_y": 1, "tile": 1, "layout": "row"}
    util.store_cache("512,1,1,row", new | {"time": 0.5, "times": [0.5]}, file, held)
    table = read_table(file)
    assert table.space.size == len(cache["cache"]) + 1
    assert table.optimum_s == pytest.approx(0.0005)
    again = import_file(file, str(tmp_path / "h2"))
    assert again.added == table.space.size
