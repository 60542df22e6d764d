"""Recorded tasks: Kernel Tuner files, and tasks of a history."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Stage, Status, TimedIn
from dgtl_ray.history import ParquetHistory
from dgtl_ray.recorded.formats.detect import read_tasks
from dgtl_ray.recorded.formats.task import Hints
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.recorded.tables import read_table, read_tables
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE, example_measurement
from dgtl_ray.testing.recorded import made_up_cache


def write(path: Path, data: Any) -> str:
    path.write_text(json.dumps(data))
    return str(path)


def test_reads_a_cache_file(tmp_path: Path) -> None:
    cache = made_up_cache()
    table = read_table(write(tmp_path / "kernel.json", cache))
    entries = list(cache["cache"].values())
    assert table.name == "kernel"
    assert table.task_key == "made_up_kernel [1024, 1024]"
    assert (table.device.name, table.device.cores) == ("NVIDIA A100-PCIE-40GB", 108)
    assert table.space.size == len(entries)
    times_ms = [entry["time"] for entry in entries if entry["time"] != "RuntimeFailedConfig"]
    assert table.optimum_s == pytest.approx(min(times_ms) / 1e3)
    failed = np.array([status is Status.RUN_ERROR for status in table.status])
    assert 0 < failed.sum() == len(entries) - len(times_ms)
    np.testing.assert_array_equal(failed, np.isnan(table.cost_s))
    assert table.compile_s[0] == pytest.approx(entries[0]["compile_time"] / 1e3)
    config = json.loads(table.space.config_of(table.space.rows[5]))
    assert config == {name: entries[5][name] for name in config}


def test_knobs_are_looked_up_once_a_file_not_once_a_row(tmp_path: Path) -> None:
    (task,) = read_tasks(Path(write(tmp_path / "kernel.json", made_up_cache())), Hints())
    assert task.knobs is task.knobs
    assert set(task.knobs) == set(task.rows[0].config)


def test_reads_compressed_and_interrupted_files(tmp_path: Path) -> None:
    """A run that was interrupted leaves out the closing brackets."""
    text = json.dumps(made_up_cache())
    whole = read_table(write(tmp_path / "whole.json", made_up_cache()))
    (tmp_path / "small.json.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "open.json").write_text(text[:-2] + ",\n")
    for name in ("small.json.gz", "open.json"):
        table = read_table(str(tmp_path / name))
        np.testing.assert_array_equal(table.cost_s, whole.cost_s)
    assert [table.name for table in read_tables(tmp_path)] == ["open", "small", "whole"]


@pytest.mark.parametrize(
    ("time", "status"),
    [
        (1.5, Status.OK),
        ("CompilationFailedConfig", Status.BUILD_ERROR),
        ("InvalidConfig", Status.BUILD_ERROR),
        ("RuntimeFailedConfig", Status.RUN_ERROR),
        ("SomethingElse", Status.RUN_ERROR),
        (1e20, Status.RUN_ERROR),
        (float("nan"), Status.RUN_ERROR),
        (0, Status.RUN_ERROR),
        (None, Status.RUN_ERROR),
    ],
)
def test_status_of_a_time(tmp_path: Path, time: object, status: Status) -> None:
    cache = made_up_cache()
    next(iter(cache["cache"].values()))["time"] = time
    table = read_table(write(tmp_path / "kernel.json", cache))
    assert table.status[0] is status
    assert np.isnan(table.cost_s[0]) == (status is not Status.OK)


def test_a_nameless_device_is_looked_for_in_the_files_name(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "kernel_MI250X.json", made_up_cache("")))
    assert (table.device.name, table.device.vendor) == ("MI250X", "amd")
    unknown = read_table(write(tmp_path / "kernel_of_mine.json", made_up_cache("")))
    assert (unknown.device.name, unknown.device.vendor) == ("kernel_of_mine", "unknown")


def test_devices_agree_on_the_columns(tmp_path: Path) -> None:
    """Also where one of them could not run some knob's value."""
    whole, part = made_up_cache(), made_up_cache("AMD Radeon PRO W6600")
    part["cache"] = {key: e for key, e in part["cache"].items() if e["block_size_x"] != 128}
    one, two = (
        read_table(write(tmp_path / name, data)) for name, data in (("a.json", whole), ("b", part))
    )
    assert one.space.columns == two.space.columns
    source = two.as_source(one.space, np.arange(10))
    pool = np.stack([one.space.row_of(two.space.config_of(row)) for row in two.space.rows[:10]])
    np.testing.assert_array_equal(source.encoding, one.space.encode(pool, two.device))
    np.testing.assert_array_equal(source.cost_s, two.cost_s[:10])


def without(cache: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in cache.items() if name != key}


def all_failed() -> dict[str, Any]:
    cache = made_up_cache()
    for entry in cache["cache"].values():
        entry["time"] = "RuntimeFailedConfig"
    return cache


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ('{"cache": {"1": {"a": ', "is damaged"),
        ("[]", "is of no format that is read here"),
        (json.dumps(without(made_up_cache(), "cache")), "it has no object `cache`"),
        (json.dumps(made_up_cache() | {"cache": {}}), "holds no configuration"),
        (json.dumps(without(made_up_cache(), "tune_params_keys")), "tune_params_keys"),
        (json.dumps(made_up_cache() | {"cache": {"1": {"tile": 1}}}), "block_size_x"),
        (json.dumps(made_up_cache() | {"cache": {"1": 3}}), "is no cache file of Kernel Tuner"),
        (json.dumps(all_failed()), "no configuration of it ever ran"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "kernel.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        read_table(str(path))
    assert "kernel" in str(caught.value)


HUGE = 10**400


@pytest.mark.parametrize(
    "tile", [HUGE, [1, HUGE], float("nan"), float("inf")], ids=["huge", "in a list", "nan", "inf"]
)
def test_knobs_that_no_model_can_take(tmp_path: Path, tile: Any) -> None:
    """Whether a configuration has the value, or the file only declares it."""
    measured, declared = made_up_cache(), made_up_cache()
    next(iter(measured["cache"].values()))["tile"] = tile
    declared["tune_params"] = declared["tune_params"] | {"tile": [1, 2, 3, tile]}
    for cache in (measured, declared):
        with pytest.raises(InputError, match="a knob holds what no model can take"):
            read_table(write(tmp_path / "kernel.json", cache))


def test_what_a_file_does_not_say_may_be_told(tmp_path: Path) -> None:
    cache = made_up_cache() | {"objective": "joy"}
    for entry in cache["cache"].values():
        entry["joy"] = float(entry["tile"])
    path = write(tmp_path / "kernel.json", cache)
    with pytest.raises(InputError, match="give --mode"):
        read_table(path)
    table = read_table(path, Hints(mode="max"))
    best = json.loads(table.space.config_of(table.space.rows[int(np.nanargmin(table.cost_s))]))
    assert best["tile"] == 3


def test_missing_and_damaged_archives_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*nothing\.json"):
        read_table(str(tmp_path / "nothing.json"))
    torn = tmp_path / "torn.json.gz"
    torn.write_bytes(gzip.compress(json.dumps(made_up_cache()).encode())[:200])
    with pytest.raises(InputError, match=r"cannot read .*torn"):
        read_table(str(torn))
    with pytest.raises(InputError, match="there is no Kernel Tuner file"):
        read_tables(tmp_path / "nowhere")


def history(folder: Path, **changes: Any) -> str:
    """Two sketches; one configuration failed, one was measured twice, one is the default."""
    configs = [
        '{"sketch": 0, "tile": [2, 8], "unroll": 16}',
        '{"sketch": 0, "tile": [4, 4], "unroll": 0}',
        '{"sketch": 1, "unroll": 0}',
        '{"sketch": 0, "tile": [4, 4], "unroll": 0}',
        "",
    ]
    rows = [
        example_measurement(k, config=config, encoding=(float(k), 1.0), cost_s=1e-3 * (k + 1))
        for k, config in enumerate(configs)
    ]
    rows[2] = example_measurement(2, config=configs[2], status=Status.BUILD_ERROR)
    store = ParquetHistory(str(folder))
    store.append(rows)
    if changes:
        store.append([example_measurement(9, config=configs[0], **changes)])
    return str(folder)


def test_reads_a_task_of_a_history(tmp_path: Path) -> None:
    table: RecordedTable = read_table(f"{history(tmp_path)}#workload")
    assert table.name == "resnet18 fused_conv2d"
    assert table.device == EXAMPLE_DEVICE
    assert table.status == (Status.OK, Status.OK, Status.BUILD_ERROR)
    np.testing.assert_allclose(table.cost_s, [1e-3, 3e-3, np.nan])
    np.testing.assert_allclose(table.compile_s, 0.3)
    assert table.space.knob_names == (("sketch", "tile", "unroll"),)
    encoding = table.space.encode(table.space.rows, table.device)
    np.testing.assert_array_equal(encoding, [[0, 1], [1, 1], [1, 0.5]])
    source = table.as_source(table.space, np.array([1]))
    np.testing.assert_array_equal(source.encoding, encoding[1:2])


def test_times_that_were_taken_otherwise_do_not_count(tmp_path: Path) -> None:
    """Finalists are timed in the network, too, and what was timed only there is left out."""
    confirmed: dict[str, Any] = {"stage": Stage.CONFIRM, "timed_in": TimedIn.NETWORK}
    tile, other, alone = ('{"tile": 2}', '{"tile": 4}', '{"tile": 8}')
    rows = [
        example_measurement(0, config=tile, encoding=(), cost_s=4e-3, **confirmed),
        example_measurement(1, config=tile, encoding=(1.0, 2.0), cost_s=1e-3, passed_bytes=9),
        example_measurement(2, config=tile, encoding=(1.0, 2.0), cost_s=8e-3),
        example_measurement(3, config=other, encoding=(), cost_s=5e-3, **confirmed),
        example_measurement(4, config=alone, encoding=(2.0, 2.0), cost_s=2e-3, passed_bytes=9),
        example_measurement(5, config=alone, encoding=(), status=Status.WRONG_RESULT),
    ]
    ParquetHistory(str(tmp_path / "h")).append(rows)
    table = read_table(f"{tmp_path / 'h'}#workload")
    np.testing.assert_allclose(table.cost_s, [1e-3, np.nan])
    assert table.status == (Status.OK, Status.WRONG_RESULT)
    encoding = table.space.encode(table.space.rows, table.device)
    np.testing.assert_array_equal(encoding, [[1, 2], [2, 2]])
    ParquetHistory(str(tmp_path / "network")).append(rows[:1])
    with pytest.raises(InputError, match="no configuration of workload 'workload' that was timed"):
        read_table(f"{tmp_path / 'network'}#workload")


def test_a_task_on_several_devices_needs_one_named(tmp_path: Path) -> None:
    uri = history(tmp_path, device_key="cpu/other/8")
    with pytest.raises(InputError, match=r"measured on 2 devices: .*#workload@cpu/other/8"):
        read_table(f"{uri}#workload")
    assert read_table(f"{uri}#workload@cpu/other/8").space.size == 1
    with pytest.raises(InputError, match="measured on 2 devices"):
        read_table(f"{uri}#workload@cpu/none/1")


def test_a_task_for_several_targets_needs_one_named(tmp_path: Path) -> None:
    """Generations of a processor share its key; so do targets that generate other code."""
    other = json.dumps({"kind": "llvm", "mcpu": "znver4", "mattr": ["+avx512f"] * 40})
    uri = history(tmp_path, target=other)
    key = EXAMPLE_DEVICE.key
    for address in (f"{uri}#workload", f"{uri}#workload@{key}"):
        with pytest.raises(InputError, match="measured on 2 devices: ") as caught:
            read_table(address)
        for target in (other, example_measurement().target):
            assert f"'{uri}#workload@{key}@{target}'" in str(caught.value)
    assert read_table(f"{uri}#workload@{key}@{other}").space.size == 1
    assert read_table(f"{uri}#workload@{key}@{example_measurement().target}").space.size == 3


def test_a_device_of_what_ships_is_named_by_its_key(tmp_path: Path) -> None:
    uri = history(tmp_path / "a#b", device_key=f"{EXAMPLE_DEVICE.key}#builtin")
    with pytest.raises(InputError, match=r"measured on 2 devices: .*#builtin"):
        read_table(f"{uri}#workload")
    assert read_table(f"{uri}#workload@{EXAMPLE_DEVICE.key}#builtin").space.size == 1
    assert read_table(f"{uri}#workload@{EXAMPLE_DEVICE.key}").space.size == 3


def test_what_a_history_does_not_hold(tmp_path: Path) -> None:
    uri = history(tmp_path)
    with pytest.raises(InputError, match=r"no configuration of workload 'x'.*\['workload'\]"):
        read_table(f"{uri}#x")
    with pytest.raises(InputError, match="nowhere"):
        read_table(f"{tmp_path}/nowhere#x")


def test_kinds_of_recordings_do_not_mix(tmp_path: Path) -> None:
    task = read_table(f"{history(tmp_path / 'history')}#workload")
    kernel = read_table(write(tmp_path / "kernel.json", made_up_cache()))
    with pytest.raises(InputError, match="history in other columns"):
        kernel.as_source(task.space, np.arange(3))


def test_columns_must_be_of_one_length(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "kernel.json", made_up_cache()))
    fields = {name: getattr(table, name) for name in table.__dataclass_fields__}
    with pytest.raises(ValueError, match="kernel: columns of"):
        RecordedTable(**fields | {"compile_s": table.compile_s[1:]})
