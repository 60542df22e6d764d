"""Files of other tuners into a history: numbers, failures, devices, names that stay."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import FUNCTION_TARGET
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.history import ParquetHistory, SourceKey, check_history
from dgtl_ray.recorded.formats.task import Hints
from dgtl_ray.recorded.importing import Imported, import_file
from dgtl_ray.recorded.tables import read_table
from dgtl_ray.run.function_knowledge import function_sources
from dgtl_ray.testing.recorded import KNOBS, made_up_cache
from tests.recorded.format_files import ansor, autotvm_v01, autotvm_v02, lines, metaschedule


def imported(file: Path, into: Path, **options: Any) -> tuple[Imported, list[Measurement]]:
    """What an import said, and all rows of the history, which must be sound."""
    report = import_file(str(file), str(into), **options)
    store = ParquetHistory(str(into))
    assert check_history(store).ok
    return report, sorted(store.measurements(), key=lambda row: (row.run_id, row.trial))


def cache_file(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps(made_up_cache() | changes))
    return path


def entry(tile: Any, **told: Any) -> dict[str, Any]:
    return {"tile": tile, "compile_time": 250.0, "benchmark_time": 20.0} | told


def small_cache(path: Path, *entries: dict[str, Any], **changes: Any) -> Path:
    data = {
        "device_name": "NVIDIA A100-PCIE-40GB",
        "kernel_name": "k",
        "problem_size": 4096,
        "tune_params_keys": ["tile"],
        "tune_params": {"tile": [one["tile"] for one in entries]},
        "objective": "time",
        "cache": {str(k): one for k, one in enumerate(entries)},
    }
    path.write_text(json.dumps(data | changes))
    return path


def test_a_kernel_tuner_cache(tmp_path: Path) -> None:
    file = cache_file(tmp_path / "kernel.json")
    report, rows = imported(file, tmp_path / "h")
    entries = list(made_up_cache()["cache"].values())
    assert (report.file_format, report.added, report.known) == ("kernel-tuner", len(entries), 0)
    assert [json.loads(row.config) for row in rows] == [
        {name: one[name] for name in KNOBS} for one in entries
    ]
    assert {row.target for row in rows} == {FUNCTION_TARGET}
    first, told = rows[0], entries[0]
    assert first.task == "made_up_kernel [1024, 1024]"
    assert first.cost_s == pytest.approx(told["time"] / 1e3)
    assert first.repeats_s == pytest.approx([time / 1e3 for time in told["times"]])
    assert first.build_s == pytest.approx(told["compile_time"] / 1e3)
    assert first.device["name"] == "NVIDIA A100-PCIE-40GB"
    failed = [row for row in rows if row.status is Status.RUN_ERROR]
    assert len(failed) == sum(one["time"] == "RuntimeFailedConfig" for one in entries) > 0
    assert {row.error for row in failed} == {"RuntimeFailedConfig"}


def test_what_is_imported_twice_is_there_once(tmp_path: Path) -> None:
    """Also where the file was unfinished and has grown since, or was compressed."""
    text = json.dumps(made_up_cache())
    first_half, _, _ = text[: len(text) // 2].rpartition("}, ")
    (tmp_path / "open.json").write_text(first_half + "},\n")
    half, _ = imported(tmp_path / "open.json", tmp_path / "h")
    (tmp_path / "whole.json.gz").write_bytes(gzip.compress(text.encode()))
    whole, rows = imported(tmp_path / "whole.json.gz", tmp_path / "h")
    assert whole.known == half.added > 10
    assert whole.added == len(made_up_cache()["cache"]) - half.added
    again, _ = imported(tmp_path / "whole.json.gz", tmp_path / "h")
    assert (again.added, again.known) == (0, len(rows))


def test_files_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    begin = entry(1, time=1.0)
    one = small_cache(tmp_path / "one.json", begin, entry(2, time=2.0))
    other = small_cache(tmp_path / "other.json", begin, entry(3, time=3.0))
    imported(one, tmp_path / "h")
    report, rows = imported(other, tmp_path / "h")
    assert report.added == 2
    assert len(rows) == 4
    assert imported(other, tmp_path / "h")[0].added == 0


@pytest.mark.parametrize(
    "other",
    [{"time": 3.0}, {"time": 2.0, "times": [1.5, 2.5]}, {"__error__": "RuntimeFailedConfig"}],
)
def test_files_of_the_same_configurations_are_told_apart(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    """As of two runs by brute force, whose first configuration failed in both."""
    failed = entry(1, __error__="CompilationFailedConfig")
    first = small_cache(tmp_path / "first.json", failed, entry(2, time=2.0, times=[2.0, 2.0]))
    second = small_cache(tmp_path / "second.json", failed, entry(2, **other))
    imported(first, tmp_path / "h")
    report, rows = imported(second, tmp_path / "h")
    assert (report.added, len(rows)) == (2, 4)
    for file in (first, second):
        assert imported(file, tmp_path / "h")[0].added == 0


def test_a_file_that_begins_like_others_may_grow(tmp_path: Path) -> None:
    """Only what is new is added, whichever grows."""

    def grown(name: str, *times: float) -> tuple[int, int]:
        entries = [entry(k, time=time) for k, time in enumerate(times)]
        report, _ = imported(small_cache(tmp_path / name, *entries), tmp_path / "h")
        return report.added, report.known

    assert grown("a.json", 1.0, 2.0) == (2, 0)
    assert grown("b.json", 1.0, 3.0) == (2, 0)
    assert grown("c.json", 1.0, 3.0, 4.0) == (1, 2)  # as b, grown
    assert grown("b.json", 1.0, 3.0, 5.0) == (3, 0)  # unlike c, so not b's rows any more
    assert grown("a.json", 1.0, 2.0, 6.0) == (1, 2)
    assert grown("b.json", 1.0, 3.0, 5.0, 7.0) == (1, 3)
    assert grown("c.json", 1.0, 3.0, 4.0, 8.0) == (1, 3)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"time": 1.5}, Status.OK),
        ({"__error__": "CompilationFailedConfig"}, Status.BUILD_ERROR),
        ({"__error__": "InvalidConfig"}, Status.BUILD_ERROR),
        ({"__error__": "RuntimeFailedConfig"}, Status.RUN_ERROR),
        ({"time": "CompilationFailedConfig"}, Status.BUILD_ERROR),
        ({"time": 1e20}, Status.RUN_ERROR),
        ({"time": float("inf")}, Status.RUN_ERROR),
        ({"time": None}, Status.RUN_ERROR),
        ({"time": 1.5, "compile_time": "a text"}, Status.OK),
    ],
)
def test_failures_of_kernel_tuner_keep_their_kind(
    tmp_path: Path, told: dict[str, Any], status: Status
) -> None:
    file = small_cache(tmp_path / "k.json", entry(1, time=1.0), entry(2, **told))
    _, rows = imported(file, tmp_path / "h")
    assert [row.status for row in rows] == [Status.OK, status]


def test_objectives_that_are_no_times(tmp_path: Path) -> None:
    """Much of one is good; a text stands under its key where a configuration failed."""
    entries = (
        entry(1, **{"GFLOP/s": 10.0, "time": 2.0}),
        entry(2, **{"GFLOP/s": 40.0, "time": 1.0}),
        entry(3, **{"GFLOP/s": "CompilationFailedConfig"}),
    )
    file = small_cache(tmp_path / "k.json", *entries, objective="GFLOP/s")
    _, (slow, fast, failed) = imported(file, tmp_path / "h")
    assert slow.cost_s is not None
    assert fast.cost_s is not None
    assert slow.cost_s / fast.cost_s == pytest.approx(4.0, rel=0.01)
    assert fast.metrics == {"GFLOP/s": 40.0, "latency_s": 1e-3}
    assert failed.status is Status.BUILD_ERROR


def test_a_time_that_is_negative_is_a_metric(tmp_path: Path) -> None:
    file = small_cache(tmp_path / "k.json", entry(1, time=-3.0), entry(2, time=-5.0))
    _, (worse, better) = imported(file, tmp_path / "h")
    assert worse.cost_s is not None
    assert better.cost_s is not None
    assert better.cost_s < worse.cost_s
    assert better.metrics == {"time": -5.0}


def test_an_objective_that_nobody_knows_needs_a_mode(tmp_path: Path) -> None:
    file = small_cache(tmp_path / "k.json", entry(1, joy=2.0), objective="joy")
    with pytest.raises(InputError, match="much or little of 'joy' is good: give --mode"):
        import_file(str(file), str(tmp_path / "h"))
    _, (row,) = imported(file, tmp_path / "h", hints=Hints(mode="max"))
    assert row.metrics == {"joy": 2.0}


@pytest.mark.parametrize(
    ("size", "name"), [(4096, "k 4096"), ([64, 32], "k [64, 32]"), ("callable", "k"), (None, "k")]
)
def test_problem_sizes(tmp_path: Path, size: Any, name: str) -> None:
    file = small_cache(tmp_path / "k.json", entry(1, time=1.0), problem_size=size)
    assert imported(file, tmp_path / "h")[1][0].task == name


def test_knobs_that_are_objects_stay_as_they_are(tmp_path: Path) -> None:
    tiles: list[Any] = [{"x": 1, "y": [2, 3]}, {"x": 2, "y": [2, 3]}, [1, 2], None]
    entries = [entry(tile, time=1.0 + k) for k, tile in enumerate(tiles)]
    file = small_cache(tmp_path / "k.json", *entries)
    _, rows = imported(file, tmp_path / "h")
    assert [json.loads(row.config)["tile"] for row in rows] == tiles
    for address in (str(file), f"{tmp_path / 'h'}#{rows[0].workload_key}"):
        table = read_table(address)
        np.testing.assert_allclose(table.cost_s, [1e-3, 2e-3, 3e-3, 4e-3])
        assert table.space.columns == read_table(str(file)).space.columns


def test_configurations_that_come_twice(tmp_path: Path) -> None:
    entries = (entry(1, time=1.0), entry(1, time=3.0), entry(2, time=4.0), entry(2, time=None))
    table = read_table(str(small_cache(tmp_path / "k.json", *entries)))
    np.testing.assert_allclose(table.cost_s, [2e-3, np.nan])


def test_autotvm_logs_of_many_gpus(tmp_path: Path) -> None:
    failed = autotvm_v02(index=1, result=[["InstantiationError"], 1, 0.5, 1600000002.0])
    other = autotvm_v02("cuda -model=v100", index=2)
    file = lines(tmp_path / "log.json", "# best of all", autotvm_v02(), failed, other)
    report, rows = imported(file, tmp_path / "h")
    assert (report.file_format, report.tasks) == ("autotvm", 2)
    assert report.devices == ("RTX-3090", "v100")
    by_device = {row.device["name"]: row for row in rows if row.status is Status.OK}
    row = by_device["RTX-3090"]
    assert json.loads(row.config) == {"tile_y": [-1, 8], "tile_x": [-1, 4], "auto_unroll": 16}
    assert row.cost_s == pytest.approx(0.002)
    assert row.repeats_s == (0.002, 0.002)
    assert (row.timing_s, row.created_at.year) == (1.5, 2020)
    assert row.toolchain["autotvm"] == "0.8.0"
    assert row.device["cores"] == 82
    assert by_device["v100"].workload_key == row.workload_key
    assert {row.status for row in rows} == {Status.OK, Status.BUILD_ERROR}


def test_boards_of_one_family_are_devices_of_their_own(tmp_path: Path) -> None:
    boards = [f"llvm -device=arm_cpu -model={name} -mattr=+neon" for name in ("bcm2837", "rk3399")]
    file = lines(tmp_path / "log.json", *map(autotvm_v02, boards))
    report, rows = imported(file, tmp_path / "h")
    assert report.devices == ("bcm2837", "rk3399")
    assert len({row.device_key for row in rows}) == 2
    file = lines(tmp_path / "family.json", autotvm_v02("llvm -device=arm_cpu"))
    with pytest.raises(InputError, match="arm_cpu' was measured: give --device"):
        import_file(str(file), str(tmp_path / "other"))


def test_old_autotvm_logs_ask_for_the_device(tmp_path: Path) -> None:
    file = lines(tmp_path / "log.json", autotvm_v01(0), autotvm_v01(1))
    with pytest.raises(InputError, match=r"'llvm -mcpu=core-avx2' .*give --device"):
        import_file(str(file), str(tmp_path / "h"))
    assert not (tmp_path / "h").exists()
    _, rows = imported(file, tmp_path / "h", device="Xeon of mine")
    assert [json.loads(row.config)["tile"] for row in rows] == [[4, 16], [4, 32]]
    assert {row.device_key for row in rows} == {"cpu/Xeon of mine/8"}
    assert rows[0].cost_s == 0.25


def test_ansor_logs(tmp_path: Path) -> None:
    untimed = ansor(1e10, size=32)  # no error, and yet the number that stands for no time
    file = lines(tmp_path / "log.json", ansor(), ansor(1e10, error=6, size=16), untimed)
    report, (ok, failed, no_time) = imported(file, tmp_path / "h")
    assert report.file_format == "ansor"
    config = json.loads(ok.config)
    assert config.pop("sketch").startswith('[["CHW",2,"local"],["SP",2,0,512,null,1]')
    assert config == {"1 SP 2 0": [1, 4, 8], "3 PR 5 0": 512}
    assert (ok.cost_s, ok.timing_s) == (0.0123, 3.5)
    assert failed.status is Status.BUILD_TIMEOUT
    assert (no_time.status, no_time.cost_s) == (Status.RUN_ERROR, None)
    assert no_time.error == "no time was recorded: [10000000000.0]"
    assert json.loads(failed.config)["sketch"] == json.loads(ok.config)["sketch"]


def test_metaschedule_databases(tmp_path: Path) -> None:
    folder = metaschedule(tmp_path)
    report, rows = imported(folder, tmp_path / "h", device="Xeon")
    assert (report.file_format, report.tasks) == ("metaschedule", 1)
    assert [row.cost_s for row in rows] == [pytest.approx(0.003), 0.001, None]
    assert rows[2].status is Status.RUN_ERROR
    config = json.loads(rows[0].config)
    assert config.pop("sketch").startswith('[["GetSBlock"')
    assert config == {"2 SamplePerfectTile": [16, 4], "3 SampleCategorical": 1}
    (folder / "database_workload.json").unlink()
    message = "half a database of MetaSchedule: database_tuning_record.json without database_workl"
    with pytest.raises(InputError, match=message):
        import_file(str(folder), str(tmp_path / "h"), device="Xeon")


def test_what_is_imported_is_knowledge_at_once(tmp_path: Path) -> None:
    """For functions with the same knobs, and for searches that are replayed."""
    imported(cache_file(tmp_path / "a.json"), tmp_path / "h")
    other = made_up_cache("AMD Radeon PRO W6600", taste=1.0)
    (tmp_path / "b.json").write_text(json.dumps(other))
    _, rows = imported(tmp_path / "b.json", tmp_path / "h")
    store = ParquetHistory(str(tmp_path / "h"))
    space = read_table(str(tmp_path / "a.json")).space
    sources = function_sources([store], space, SourceKey("", "", ""))
    assert sorted(source.device.name for source in sources) == [
        "AMD Radeon PRO W6600",
        "NVIDIA A100-PCIE-40GB",
    ]
    assert all(len(source.cost_s) == len(made_up_cache()["cache"]) for source in sources)
    keys = {row.device_key: row.workload_key for row in rows}
    tables = [read_table(f"{tmp_path / 'h'}#{key}@{device}") for device, key in keys.items()]
    told = tables[0].as_source(tables[1].space, np.arange(20))
    assert np.isfinite(told.encoding).all()
    own = read_table(str(tmp_path / "b.json"))
    assert own.optimum_s in [pytest.approx(table.optimum_s) for table in tables]
