from pathlib import Path

from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Status
from dgtl_ray.history import ParquetHistory
from dgtl_ray.testing.measurements import example_measurement


def test_one_row_for_each_network_task_and_device(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path))
    history.append(
        [
            example_measurement(0, network="vgg16", cost_s=0.004),
            example_measurement(1, network="vgg16", cost_s=0.003, proposer="evolutionary"),
            example_measurement(2, network="vgg16", status=Status.RUN_ERROR, run_id="second"),
            example_measurement(3, network="alexnet", status=Status.BUILD_ERROR),
            example_measurement(4, network="vgg16", device_key="cuda/H100/132", cost_s=0.001),
        ]
    )
    alexnet, vgg_on_cpu, vgg_on_gpu = history.summary()
    assert vgg_on_cpu == {
        "network": "vgg16",
        "task": "fused_conv2d",
        "device": "cpu/example/2",
        "trials": 3,
        "ok": 2,
        "failed": 1,
        "best (ms)": 3.0,
        "search": "evolutionary, random",
        "runs": 2,
        "last (UTC)": "2026-03-01 10:15",
    }
    assert (alexnet["network"], alexnet["failed"], alexnet["best (ms)"]) == ("alexnet", 1, None)
    assert (vgg_on_gpu["device"], vgg_on_gpu["best (ms)"]) == ("cuda/H100/132", 1.0)


def test_what_a_function_had_to_be_large_in_is_no_time(tmp_path: Path) -> None:
    objective = Objective(metric="gflops", mode="max")
    rows = [
        example_measurement(
            k, task="own", workload_key="own", cost_s=objective.cost_of(v), metrics={"gflops": v}
        )
        for k, v in enumerate((100.0, 300.0, 200.0))
    ]
    history = ParquetHistory(str(tmp_path))
    history.append([*rows, example_measurement(3, cost_s=0.002)])
    layer, own = history.summary()
    assert (own["best (ms)"], own["objective"], own["best"]) == (None, "max gflops", 300.0)
    assert (layer["best (ms)"], layer["objective"]) == (2.0, "min latency_s")


def test_targets_of_one_device_are_told_apart_where_there_are_several(tmp_path: Path) -> None:
    old, new = '{"kind": "llvm", "mcpu": "znver2"}', '{"kind": "llvm", "mcpu": "znver4"}'
    history = ParquetHistory(str(tmp_path))
    history.append([example_measurement(0, target=old, cost_s=0.004)])
    history.append([example_measurement(1, network="other", target=new)])
    assert all("target" not in row for row in history.summary())
    history.append([example_measurement(2, target=new, cost_s=0.001)])
    told = [(row["target"], row["best (ms)"]) for row in history.summary()]
    assert told == [(new, 2.0), (old, 4.0), (new, 1.0)]
