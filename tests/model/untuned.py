"""Runs a lowered network as TVM compiles it without tuning."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray

from dgtl_ray.model import Network, TargetSpec


def run(network: Network, target: TargetSpec, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    executable = tvm.compile(network.module, target=tvm.target.Target(target.json))
    machine = tvm.relax.VirtualMachine(executable, tvm.cpu())
    outputs = machine["main"](*(tvm.runtime.tensor(array) for array in inputs))
    flat = [outputs] if hasattr(outputs, "numpy") else list(outputs)
    return [tensor.numpy() for tensor in flat]


def worst_relative_error(network: Network, target: TargetSpec) -> float:
    """The largest error of any output, relative to that output's largest value."""
    inputs = network.example_inputs(seed=3)
    return max(
        float(np.abs(ours - theirs).max() / np.abs(theirs).max())
        for ours, theirs in zip(
            run(network, target, inputs), network.reference(inputs), strict=True
        )
    )
