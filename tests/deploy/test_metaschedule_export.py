"""The best of a history as a database that relax applies: the kernels of our own deployment."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
import tvm_ffi
from tvm import relax, tirx

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.history import ParquetHistory
from dgtl_ray.model import Network, TargetSpec, load_network, workload_key
from dgtl_ray.recorded.importing import import_file
from dgtl_ray.run.metaschedule_export import export_metaschedule
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.sketches import Scheduled, apply_schedule, read_design_space
from dgtl_ray.testing.measurements import example_measurement

NETWORK = "tests.networks:deep"


@pytest.fixture(scope="module")
def deep(target: TargetSpec) -> Network:
    return load_network(NETWORK, target)


@pytest.fixture(scope="module")
def spaces(deep: Network, target: TargetSpec) -> list[DesignSpace]:
    return [read_design_space(task, target.json) for task in deep.tasks]


def rows_of(
    network: Network, spaces: Sequence[DesignSpace], target: TargetSpec
) -> list[Measurement]:
    """Of each layer the default, then, the faster the later, of its space; own sketches fastest."""
    rows: list[Measurement] = []
    for task, space in zip(network.tasks, spaces, strict=True):
        drawn = space.sample(24, np.random.default_rng(5))
        drawn = drawn[np.argsort([bool(space.sketches[row[0]].algorithm) for row in drawn])]
        configs = ["", *(space.config_of(row) for row in drawn)]
        for k, config in enumerate(configs[: 1 if task.name == "transpose1" else None]):
            row = example_measurement(
                len(rows),
                network=NETWORK,
                task=task.name,
                workload_key=task.workload_key,
                target=target.json,
                space_key=space.key,
                config=config,
                cost_s=0.1 / (k + 1),
            )
            rows.append(row)
    return rows


@pytest.fixture(scope="module")
def exported(
    deep: Network,
    spaces: list[DesignSpace],
    target: TargetSpec,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("metaschedule")
    ParquetHistory(str(folder / "h")).append(rows_of(deep, spaces, target))
    report = export_metaschedule(str(folder / "h"), str(folder / "db"))
    return folder, str(report)


def ours(
    network: Network, spaces: Sequence[DesignSpace], target: TargetSpec
) -> dict[str, tuple[Scheduled, float]]:
    """What we make of each layer with the fastest of TVM's sketches, and its latency, by key."""
    found: dict[str, tuple[Scheduled, float]] = {}
    rows = [row for row in rows_of(network, spaces, target) if "algorithm" not in row.config]
    for task, space in zip(network.tasks, spaces, strict=True):
        of_task = [row for row in rows if row.workload_key == task.workload_key]
        best = min(of_task, key=lambda row: row.cost_s or 0.0)
        schedule = space.schedule_of(space.row_of(best.config)) if best.config else ""
        scheduled = apply_schedule(task.program, target.json, schedule)
        found[task.workload_key] = scheduled, best.cost_s or 0.0
    return found


def applied(network: Network, target: TargetSpec, folder: Path) -> Any:
    """The network with the database applied, and what packs weights as functions."""
    with tvm.target.Target(target.json):
        module = relax.transform.MetaScheduleApplyDatabase(str(folder))(network.module)
    return relax.transform.SplitLayoutRewritePreproc()(module)


def kernel(function: Any) -> Any:
    """A function without what the passes say of it."""
    for name in ("op_pattern", "tirx.is_scheduled", "layout_free_buffers"):
        function = function.without_attr(name) if name in function.attrs else function
    return function.with_attr("global_symbol", "main")


def test_it_gives_the_kernels_of_our_own_deployment(
    deep: Network,
    spaces: list[DesignSpace],
    target: TargetSpec,
    exported: tuple[Path, str],
) -> None:
    module = applied(deep, target, exported[0] / "db")
    functions = {
        str(variable.name_hint): kernel(f)
        for variable, f in module.functions_items()
        if isinstance(f, tirx.PrimFunc)
    }
    wanted = ours(deep, spaces, target)
    packed = 0
    for variable, function in deep.module.functions_items():
        if isinstance(function, tirx.PrimFunc):
            scheduled, _ = wanted[workload_key(function)]
            name = str(variable.name_hint)
            if scheduled.preparations:
                packed += 1
                name += "_prepacked"
            assert tvm_ffi.structural_equal(functions[name], kernel(scheduled.module["main"])), name
    assert packed == 2


def test_what_it_computes(deep: Network, target: TargetSpec, exported: tuple[Path, str]) -> None:
    module = relax.transform.FoldConstant()(applied(deep, target, exported[0] / "db"))
    machine = relax.VirtualMachine(tvm.compile(module, tvm.target.Target(target.json)), tvm.cpu())
    inputs = deep.example_inputs()
    outputs = machine["main"](*map(tvm.runtime.tensor, inputs))
    np.testing.assert_allclose(outputs.numpy(), deep.reference(inputs)[0], rtol=1e-4, atol=1e-5)


def test_what_it_says_and_what_comes_back(
    deep: Network,
    spaces: list[DesignSpace],
    target: TargetSpec,
    exported: tuple[Path, str],
) -> None:
    folder, told = exported
    assert told.startswith("4 of 4 layers")
    assert "its fastest is winograd" in told
    report = import_file(str(folder / "db"), str(folder / "back"), device="RTX 3090")
    assert report.added == 4
    back = ParquetHistory(str(folder / "back")).measurements()
    latencies = [cost_s for _, cost_s in ours(deep, spaces, target).values()]
    assert sorted(row.cost_s or 0.0 for row in back) == pytest.approx(sorted(latencies))
    assert any("SamplePerfectTile" in row.config for row in back)


def test_rows_that_no_database_can_have(
    tmp_path: Path, deep: Network, spaces: list[DesignSpace], target: TargetSpec
) -> None:
    rows = rows_of(deep, spaces, target)
    own = [row for row in rows if "algorithm" in row.config]
    cases = {
        "functions have no programs": [example_measurement(target='{"kind": "function"}')],
        "these rows are of 2: choose with --where, device_key ==": [
            *rows,
            example_measurement(999, network=NETWORK, target=target.json, device_key="other"),
        ],
        "only winograd": own,
    }
    for k, (message, given) in enumerate(cases.items()):
        store = str(tmp_path / f"h{k}")
        ParquetHistory(store).append(given)
        with pytest.raises(InputError, match=message):
            export_metaschedule(store, str(tmp_path / "out"))
    assert not list(tmp_path.glob("*out*"))
