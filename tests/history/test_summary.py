from pathlib import Path

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
