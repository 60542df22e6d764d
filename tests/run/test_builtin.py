"""What ships with the package, and who learns from it."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.engine.run import rows_by_layer
from dgtl_ray.history import BUILTIN, ParquetHistory, recall_fastest
from dgtl_ray.measure.host import describe_cpu_host
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.run.builtin import (
    MOST_BYTES,
    as_of_elsewhere,
    builtin_model,
    model_of,
    packed_bytes,
    write_small,
)
from dgtl_ray.run.knowledge import read_model
from dgtl_ray.space.encoding.encoder import column_names, earlier_widths
from dgtl_ray.space.sketches import read_design_space
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE, example_measurement

MODEL = builtin_model("cpu")
KINDS = ("cpu", "cuda")


def test_what_ships_alone_is_learned_already() -> None:
    assert MODEL is not None
    assert model_of([BUILTIN], None, "dgtl", "cpu") == MODEL
    assert model_of([BUILTIN], Path("own"), "dgtl", "cpu") == Path("own")
    assert model_of([BUILTIN, "a"], None, "dgtl", "cpu") is None
    assert model_of([BUILTIN], None, "random", "cpu") is None
    assert model_of([], None, "dgtl", "cpu") is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_that_ships_tells_of_tasks_in_the_columns_of_today(kind: str) -> None:
    folder = builtin_model(kind)
    assert folder is not None
    known = read_model(folder)
    widths = {source.encoding.shape[1] for source in known.sources}
    assert known.model is not None
    assert widths <= {len(column_names(kind)), *earlier_widths(kind)}


def test_the_history_that_ships_is_small_sound_and_of_no_device_of_ours() -> None:
    store = ParquetHistory(BUILTIN)
    keys = set(store.scan(columns=["device_key"]).column("device_key").to_pylist())
    assert all(key.endswith("#builtin") for key in keys)
    assert keys
    assert packed_bytes(Path(str(MODEL)).parent) <= MOST_BYTES
    with pytest.raises(InputError, match="builtin ships with the package"):
        store.append([example_measurement(0)])


@pytest.mark.slow
def test_the_fastest_that_ship_mean_the_same_in_the_design_spaces_of_today() -> None:
    """A network that is among them starts from its best: a space that changed would end that."""
    target = parse_target("cpu")
    tasks = load_network("resnet18", target).tasks
    spaces = [read_design_space(task, target.json) for task in tasks]
    keys = [task.workload_key for task in tasks]
    fastest = recall_fastest([ParquetHistory(BUILTIN)], keys, describe_cpu_host(), target.json)
    of_layer = rows_by_layer(tasks, spaces, fastest)
    assert sum(map(bool, of_layer)) >= len(tasks) - 4


def test_what_is_to_ship_keeps_every_row_as_one_of_elsewhere(tmp_path: Path) -> None:
    rows = [example_measurement(k, cost_s=1.23456789e-3, config=f'{{"a": {k}}}') for k in range(3)]
    own = ParquetHistory(str(tmp_path / "own"))
    own.append(rows)
    twice = pa.concat_tables([own.scan(), own.scan()])
    size_bytes = write_small(as_of_elsewhere(twice), tmp_path / "shipped")
    shipped = ParquetHistory(str(tmp_path / "shipped")).measurements()
    key = f"{EXAMPLE_DEVICE.key}#builtin"
    assert shipped == [replace(row, device_key=key, repeats_s=(1.235e-3,)) for row in rows]
    assert size_bytes == (tmp_path / "shipped" / "measurements.parquet").stat().st_size
