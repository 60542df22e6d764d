"""What the layer tasks of a network are."""

import subprocess
import sys

import pytest
import torch
import tvm
from torch import nn

from dgtl_ray.core.task import LayerTask
from dgtl_ray.model import (
    Network,
    TargetSpec,
    default_cuda_json,
    load_network,
    parse_target,
    workload_key,
)
from dgtl_ray.model.marking import unmark_weights
from dgtl_ray.model.tasks import network_hash
from tests.model import nets


@pytest.fixture(scope="module")
def resnet18(cpu: TargetSpec) -> Network:
    return load_network("resnet18", cpu)


@pytest.fixture(scope="module")
def convolutional(cpu: TargetSpec) -> Network:
    return load_network(nets.convolutional(), cpu, example_inputs=torch.randn(nets.IMAGE_SHAPE))


def by_operator(network: Network, operator: str) -> list[LayerTask]:
    return [task for task in network.tasks if task.operator == operator]


def test_resnet18_has_its_layers(resnet18: Network) -> None:
    convolutions = by_operator(resnet18, "conv2d")
    assert sum(task.weight for task in convolutions) == 20
    assert len({task.workload_key for task in resnet18.tasks}) == len(resnet18.tasks)
    assert [task.operator for task in resnet18.tasks if task not in convolutions] == [
        "layout_transform",
        "max_pool2d",
        "reduce",
        "dense",
    ]
    # 1.81 G multiply-adds is the literature's figure.
    assert sum(task.flop * task.weight for task in resnet18.tasks) == pytest.approx(
        3.63e9, rel=0.01
    )


def test_flop_counts_a_multiply_add_as_two(resnet18: Network) -> None:
    (dense,) = by_operator(resnet18, "dense")
    assert dense.flop == 2 * 512 * 1000 + 1000


def test_layout_changes_only_at_the_input_and_before_the_flatten(convolutional: Network) -> None:
    operators = [task.operator for task in convolutional.tasks]
    assert operators == [
        "layout_transform",
        "conv2d",
        "depthwise_conv2d",
        "max_pool2d",
        "avg_pool2d",
        "avg_pool2d",
        "layout_transform",
        "dense",
        "softmax",
    ]


def test_channels_are_innermost_and_weights_are_arguments(convolutional: Network) -> None:
    (conv,) = by_operator(convolutional, "conv2d")
    assert [spec.shape for spec in conv.args] == [
        (1, 12, 12, 8),
        (3, 3, 8, 16),
        (1, 1, 1, 16),
        (1, 12, 12, 16),
    ]
    (depthwise,) = by_operator(convolutional, "depthwise_conv2d")
    assert depthwise.args[1].shape == (3, 3, 1, 16)
    (dense,) = by_operator(convolutional, "dense")
    assert dense.args[1].shape == (32, 10)
    assert {spec.dtype for task in convolutional.tasks for spec in task.args} == {"float32"}


def test_a_batch_norm_after_a_convolution_costs_nothing(cpu: TargetSpec) -> None:
    image = torch.randn(nets.IMAGE_SHAPE)
    bare = nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU())
    normed = nn.Sequential(nn.Conv2d(8, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    networks = [load_network(net, cpu, example_inputs=image) for net in (bare, normed)]
    first, second = ({task.workload_key for task in network.tasks} for network in networks)
    assert first == second


def test_a_reshape_and_a_pool_to_its_own_size_are_no_tasks(cpu: TargetSpec) -> None:
    module = nn.Sequential(
        nn.Conv2d(8, 8, 3),
        nn.AdaptiveAvgPool2d(10),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    )
    network = load_network(module, cpu, example_inputs=torch.randn(nets.IMAGE_SHAPE))
    assert [task.operator for task in network.tasks] == [
        "layout_transform",
        "conv2d",
        "reduce",
        "dense",
    ]


def test_each_kernel_of_the_module_belongs_to_a_task(resnet18: Network) -> None:
    functions = [
        func for func in resnet18.module.functions.values() if isinstance(func, tvm.tirx.PrimFunc)
    ]
    assert {workload_key(func) for func in functions} == {t.workload_key for t in resnet18.tasks}


def test_a_program_is_a_module_of_its_own_with_the_same_key(resnet18: Network) -> None:
    for task in resnet18.tasks:
        module = tvm.ir.load_json(task.program)
        assert [var.name_hint for var in module.get_global_vars()] == ["main"]
        assert workload_key(module["main"]) == task.workload_key
        assert len(task.program) < 100_000


def test_names_in_the_network_do_not_matter(cpu: TargetSpec) -> None:
    def mean(x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3), keepdim=True)

    image = torch.randn(nets.IMAGE_SHAPE)
    short = nets.Wired(lambda layers, x: mean(layers[0](x)), nn.Conv2d(8, 8, 3))
    long = nets.Wired(
        lambda layers, x: mean(layers[1](layers[0](x))),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Conv2d(8, 8, 3),
    )
    one, two = (
        by_operator(load_network(net, cpu, example_inputs=image), "reduce") for net in (short, long)
    )
    assert one[0].workload_key == two[0].workload_key


def test_keys_are_the_same_in_another_process(cpu: TargetSpec) -> None:
    code = (
        "from dgtl_ray.model import load_network, parse_target\n"
        "network = load_network('tests.networks:tiny', parse_target('cpu'))\n"
        "print(network.network_hash, *(task.workload_key for task in network.tasks))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    ).stdout.split()
    network = load_network("tests.networks:tiny", cpu)
    assert output == [network.network_hash, *(task.workload_key for task in network.tasks)]


def test_hash_sees_structure_and_not_the_weights_values(cpu: TargetSpec) -> None:
    image = torch.randn(nets.IMAGE_SHAPE)

    def hash_of(module: nn.Module) -> str:
        return load_network(module, cpu, example_inputs=image).network_hash

    convolution = nn.Conv2d(8, 8, 3, padding=1)
    once, again = (
        nets.Wired(lambda layers, x: layers[0](x) + x, nn.Conv2d(8, 8, 3, padding=1))
        for _ in range(2)
    )
    rewired = nets.Wired(lambda layers, x: layers[0](x) + layers[0](x), convolution)
    assert hash_of(once) == hash_of(again)
    assert hash_of(rewired) != hash_of(once)


def test_a_gpu_gets_the_same_tasks_whose_weights_are_not_marked(convolutional: Network) -> None:
    cuda = parse_target(default_cuda_json())
    network = load_network(nets.convolutional(), cuda, example_inputs=torch.randn(nets.IMAGE_SHAPE))
    assert network_hash(unmark_weights(convolutional.module)) == network.network_hash
    assert network.network_hash != convolutional.network_hash
