"""Networks compiled by default, by chosen schedules, and by TVM alone."""

import numpy as np
import pytest
import torch
from torch import nn

from dgtl_ray.core.errors import DeployError
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.deploy import CompiledNetwork, compile_network, compile_untuned, verify
from dgtl_ray.model import Network, TargetSpec, load_network
from dgtl_ray.space.sketches import read_design_space
from tests.space.test_attention import Attention


def test_default_schedules_give_the_references_answers(
    compiled: CompiledNetwork, network: Network
) -> None:
    verification = verify(compiled, network)
    assert verification.ok
    assert verification.max_relative_error < 1e-5


def test_it_knows_its_outputs(compiled: CompiledNetwork) -> None:
    assert compiled.outputs == (
        TensorSpec(shape=(1, 10), dtype="float32"),
        TensorSpec(shape=(1, 16), dtype="float32"),
    )


def test_chosen_schedules_give_the_references_answers(network: Network, target: TargetSpec) -> None:
    rng = np.random.default_rng(0)
    schedules = {}
    for task in network.tasks:
        space = read_design_space(task, target.json)
        pool = space.sample(1, rng)
        if len(pool):
            schedules[task.workload_key] = space.schedule_of(pool[0])
    assert len(schedules) >= 3
    assert verify(compile_network(network, schedules, target), network).ok


def test_layers_computed_by_winograds_algorithm_give_the_references_answers(
    target: TargetSpec,
) -> None:
    """With weights transformed when the network is compiled, as one error of all layers."""
    network = load_network("tests.networks:deep", target)
    schedules = {}
    for task in network.tasks:
        space = read_design_space(task, target.json, ("winograd",))
        own = [k for k, sketch in enumerate(space.sketches) if sketch.algorithm == "winograd 4"]
        rows = [row for row in space.sample(20, np.random.default_rng(0)) if row[0] in own]
        if rows:
            schedules[task.workload_key] = space.schedule_of(rows[0])
    assert len(schedules) == 2
    verification = verify(compile_network(network, schedules, target), network)
    assert verification.ok
    assert verification.max_relative_error < 2e-4


def test_an_attention_of_one_input_is_compiled_into_its_network(target: TargetSpec) -> None:
    """TVM asks of every function of one input whether it is a reshape."""
    module = nn.Sequential(nn.Linear(16, 48), Attention(2), nn.Linear(16, 8))
    network = load_network(module, target, example_inputs=torch.randn(1, 21, 16))
    schedules = {}
    for task in network.tasks:
        space = read_design_space(task, target.json, ("attention",))
        if any(sketch.algorithm for sketch in space.sketches):
            row = space.sample(1, np.random.default_rng(0))[0]
            schedules[task.workload_key] = space.schedule_of(row)
    assert len(schedules) == 1
    assert verify(compile_network(network, schedules, target), network).ok


def test_untuned_gives_the_references_answers(network: Network, target: TargetSpec) -> None:
    assert verify(compile_untuned(network, target), network).ok


def test_a_schedule_of_another_layer_is_refused_by_name(
    network: Network, target: TargetSpec
) -> None:
    conv, dense = (next(t for t in network.tasks if t.operator == o) for o in ("conv2d", "dense"))
    space = read_design_space(conv, target.json)
    row = space.sample(1, np.random.default_rng(0))[0]
    with pytest.raises(DeployError, match=dense.name):
        compile_network(network, {dense.workload_key: space.schedule_of(row)}, target)
