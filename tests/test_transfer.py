"""From one network's history to another's search, with real TVM and real Ray."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import dgtl_ray
from dgtl_ray.cli import app
from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Stage
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.history import ParquetHistory
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.run.knowledge import Experience, model_cache, read_model
from dgtl_ray.run.results import ResultGrid
from dgtl_ray.space.sketches import read_design_space

NETWORK, SIBLING = "tests.networks:tiny", "tests.networks:sibling"

# Two searches and the pre-training of a model, in one fixture each.
pytestmark = [pytest.mark.usefixtures("ray_cluster"), pytest.mark.timeout(600)]


def tune(network: str, folder: Path, search: str, trials: int, *history: ResultGrid) -> ResultGrid:
    grid: ResultGrid = dgtl_ray.Tuner(
        network,
        tune_config=dgtl_ray.TuneConfig(num_samples=trials, search_alg=search),
        run_config=dgtl_ray.RunConfig(name=search, storage_path=folder, compare=False),
        history=[grid.summary.history for grid in history],
    ).fit()
    return grid


def rows_of(grid: ResultGrid) -> list[Measurement]:
    return ParquetHistory(grid.summary.history).measurements()


@pytest.fixture(scope="module")
def before(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> ResultGrid:
    """What a random search measured of another network."""
    return tune(SIBLING, tmp_path_factory.mktemp("before"), "random", 40)


@pytest.fixture(scope="module")
def after(before: ResultGrid, tmp_path_factory: pytest.TempPathFactory) -> ResultGrid:
    # More than the tuning sets of all layers.
    return tune(NETWORK, tmp_path_factory.mktemp("after"), "dgtl", 96, before)


def test_a_search_tells_what_it_learned_from(before: ResultGrid, after: ResultGrid) -> None:
    assert after.summary.verified
    sources = after.summary.sources
    searched = [row for row in rows_of(before) if row.stage is Stage.SEARCH]
    assert 0 < sum(source.measurements for source in sources) <= len(searched)
    assert all("sibling" in source.name.lower() for source in sources)
    told = json.loads(json.dumps(after.as_dict()))
    assert {"name", "layers", "correlation", "distrusted"} <= told["sources"][0].keys()
    judged = [one for layer in told["layers"] for one in layer["sources"]]
    assert {one["name"] for one in judged} <= {source.name for source in sources}
    assert any(one["correlation"] is not None for one in judged)


def test_a_search_begins_with_a_tuning_set_and_then_predicts(after: ResultGrid) -> None:
    rows = rows_of(after)
    assert {Stage.DEFAULT, Stage.TUNING_SET, Stage.SEARCH} <= {row.stage for row in rows}
    predicted = [row for row in rows if row.predicted_mean is not None]
    assert predicted
    assert all(row.predicted_std and row.predicted_std > 0 for row in predicted)


def test_the_model_is_made_once(before: ResultGrid, after: ResultGrid) -> None:
    kept = {path: path.stat().st_mtime_ns for path in model_cache().rglob("*.safetensors")}
    assert kept
    network = load_network(NETWORK, parse_target("cpu"))
    experience = Experience(
        stores=[ParquetHistory(before.summary.history)],
        tasks=network.tasks,
        target=parse_target("cpu").json,
        search="dgtl",
    )
    known = experience.learn(device_of(before), SilentMonitor())
    assert known.model is not None
    assert {path: path.stat().st_mtime_ns for path in model_cache().rglob("*.safetensors")} == kept


def test_own_rows_are_observed_and_those_of_other_devices_are_sources(
    before: ResultGrid, tmp_path: Path
) -> None:
    """The same tasks, measured here and on a device with more cores."""
    target = parse_target("cpu")
    network = load_network(SIBLING, target)
    here = device_of(before)
    there = replace(here, cores=64, name="many cores")
    spaces = {task.workload_key: read_design_space(task, target.json) for task in network.tasks}
    moved = []
    for row in rows_of(before):
        space, encoding = spaces[row.workload_key], row.encoding
        if row.config:
            pool = space.row_of(row.config)[None]
            encoding = tuple(space.encode(pool, there)[0].tolist())
        device = {"device": there.as_dict(), "device_key": there.key, "run_id": "there"}
        moved.append(replace(row, encoding=encoding, **device))  # type: ignore[arg-type]
    store = ParquetHistory(str(tmp_path))
    store.append(moved)
    for where, observed in (([store], 0), ([ParquetHistory(before.summary.history)], 40)):
        experience = Experience(
            stores=where, tasks=network.tasks, target=target.json, search="autotvm"
        )
        known = experience.observations(here)
        assert len({row.measurement_id for row in known if row.stage is not Stage.CONFIRM}) == (
            observed
        )
        assert {s.device for s in experience.learn(here, SilentMonitor()).sources} == (
            set() if observed else {there}
        )


def test_a_model_is_made_once_and_used_in_its_histories_place(
    before: ResultGrid, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    made = CliRunner().invoke(app, ["pretrain", before.summary.history, "--out", str(folder)])
    assert made.exit_code == 0, made.output
    assert "learned from" in made.output
    model, here = read_model(folder), device_of(before)
    experience = Experience(stores=[], tasks=(), target="", search="dgtl", model=model)
    assert experience.learn(here, SilentMonitor()) is model
    assert len(model.sources) > 1
    with pytest.raises(InputError, match="dgtl pretrain --target cuda"):
        experience.learn(replace(here, kind="cuda"), SilentMonitor())


def device_of(grid: ResultGrid) -> DeviceDescriptor:
    return DeviceDescriptor(**dict(rows_of(grid)[0].device))  # type: ignore[arg-type]
