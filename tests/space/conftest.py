"""Targets, devices and design spaces that the tests of this room share."""

import json
from collections.abc import Callable

import pytest
from tvm.target import codegen

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.task import LayerTask
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.sketches import read_design_space
from tests.space.programs import TASKS

CPU = json.dumps(
    {"kind": "llvm", "mcpu": str(codegen.llvm_get_system_cpu()), "num-cores": 2}, sort_keys=True
)
CUDA_ATTRIBUTES = {
    "kind": "cuda",
    "arch": "sm_90",
    "max_threads_per_block": 1024,
    "max_shared_memory_per_block": 49152,
    "thread_warp_size": 32,
    "registers_per_block": 65536,
}
TARGETS = {"cpu": CPU, "cuda": json.dumps(CUDA_ATTRIBUTES, sort_keys=True)}

DEVICES = {
    "cpu": DeviceDescriptor(
        name="two cores",
        kind="cpu",
        vendor="intel",
        cores=2,
        clock_ghz=2.5,
        peak_gflops=160.0,
        bandwidth_gb_s=20.0,
        shared_memory_bytes=32 << 10,
        cache_bytes=32 << 20,
        vector_lanes=16,
    ),
    "cuda": DeviceDescriptor(
        name="132 SMs",
        kind="cuda",
        vendor="nvidia",
        cores=132,
        clock_ghz=1.7,
        peak_gflops=60_000.0,
        bandwidth_gb_s=3_300.0,
        shared_memory_bytes=228 << 10,
        cache_bytes=50 << 20,
        vector_lanes=32,
    ),
}

SpaceOf = Callable[[str, str], DesignSpace]


@pytest.fixture(scope="session")
def tasks() -> dict[str, LayerTask]:
    return {name: make() for name, make in TASKS.items()}


@pytest.fixture(scope="session")
def space_of(tasks: dict[str, LayerTask]) -> SpaceOf:
    """The design space of a task on a target kind, read once."""
    spaces: dict[tuple[str, str], DesignSpace] = {}

    def read(name: str, kind: str) -> DesignSpace:
        if (name, kind) not in spaces:
            spaces[name, kind] = read_design_space(tasks[name], TARGETS[kind])
        return spaces[name, kind]

    return read
