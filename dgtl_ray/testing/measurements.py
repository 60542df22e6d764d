"""Measurements made up for tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.measurement import Measurement, Stage, Status

EXAMPLE_DEVICE = DeviceDescriptor(
    name="example",
    kind="cpu",
    vendor="intel",
    cores=2,
    clock_ghz=2.5,
    peak_gflops=160.0,
    bandwidth_gb_s=20.0,
    shared_memory_bytes=32768,
    cache_bytes=33554432,
    vector_lanes=16,
)

_EXAMPLE = Measurement(
    run_id="run",
    trial=0,
    network="resnet18",
    task="fused_conv2d",
    operator="conv2d",
    workload_key="workload",
    arg_shapes=((1, 56, 56, 64), (3, 3, 64, 64), (1, 56, 56, 64)),
    arg_dtypes=("float32", "float32", "float32"),
    flop=231211008.0,
    weight=4,
    target='{"kind": "llvm", "num-cores": 2}',
    device_key=EXAMPLE_DEVICE.key,
    device=EXAMPLE_DEVICE.as_dict(),
    toolchain={"tvm": "0.27.0"},
    space_key="space",
    config='{"unroll": 0}',
    encoding=(1.0, 0.5),
    status=Status.OK,
    error="",
    repeats_s=(0.002,),
    cost_s=0.002,
    build_s=0.3,
    timing_s=0.1,
    proposer="random",
    stage=Stage.SEARCH,
    predicted_mean=None,
    predicted_std=None,
    seed=0,
    created_at=datetime(2026, 3, 1, 10, 15, tzinfo=UTC),
)


def example_measurement(trial: int = 0, **changes: Any) -> Measurement:
    """A measurement that was ok, one second later for each trial, with fields changed.

    A `cost_s` becomes the only repeat; a `status` other than ok leaves no repeat.
    """
    created_at = _EXAMPLE.created_at + timedelta(seconds=trial)
    if changes.get("status", Status.OK) is not Status.OK:
        changes = {"cost_s": None, "repeats_s": (), "error": "it failed"} | changes
    elif "cost_s" in changes:
        changes = {"repeats_s": (changes["cost_s"],)} | changes
    fields: dict[str, Any] = {"trial": trial, "created_at": created_at} | changes
    return replace(_EXAMPLE, **fields)
