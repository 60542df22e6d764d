"""How much passes through the caches between two runs of a layer in its network."""

import torch
from torch import nn

from dgtl_ray.core.task import LayerTask
from dgtl_ray.model import Network, TargetSpec, load_network
from tests.model import nets

FLOAT_BYTES = 4


def sizes(task: LayerTask) -> int:
    """Bytes of a task's weights and of what it writes."""
    at = (*task.surroundings.weights, len(task.args) - 1)
    return sum(task.args[k].size_bytes for k in at)


def by_operator(network: Network, operator: str) -> list[LayerTask]:
    return [task for task in network.tasks if task.operator == operator]


def test_other_bytes_are_the_weights_and_outputs_of_all_other_calls(cpu: TargetSpec) -> None:
    network = load_network("tests.networks:tiny", cpu)
    by_name = {task.operator: task for task in network.tasks}
    (convolution, pool, dense) = (by_name[name] for name in ("conv2d", "max_pool2d", "dense"))
    image, weights = 16 * 16 * 16, 3 * 3 * 3 * 16 + 16
    assert sizes(convolution) == FLOAT_BYTES * (image + weights)
    assert sizes(pool) == FLOAT_BYTES * image // 4
    total = sum(sizes(task) * task.weight for task in network.tasks)
    assert total > sizes(convolution) + sizes(pool) + sizes(dense) > 0
    for task in network.tasks:
        assert task.surroundings.other_bytes == total - sizes(task)


def test_a_layer_that_runs_twice_passes_its_own_bytes_once(cpu: TargetSpec) -> None:
    layers = nn.Sequential(*(nn.Conv2d(8, 8, 3, padding=1) for _ in range(3)))
    network = load_network(layers, cpu, example_inputs=torch.randn(nets.IMAGE_SHAPE))
    (task,) = by_operator(network, "conv2d")
    assert task.weight == 3
    rest = sum(sizes(other) * other.weight for other in network.tasks if other is not task)
    assert task.surroundings.other_bytes == rest + 2 * sizes(task)


def test_constants_are_weights_and_a_residual_is_none(cpu: TargetSpec) -> None:
    module = nets.Wired(
        lambda layers, x: layers[1](torch.relu(layers[0](x))) + x,
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Conv2d(8, 8, 3, padding=1),
    )
    network = load_network(module, cpu, example_inputs=torch.randn(nets.IMAGE_SHAPE))
    task = by_operator(network, "conv2d")[-1]
    shapes = [task.args[k].shape for k in task.surroundings.weights]
    assert shapes == [(3, 3, 8, 8), (1, 1, 1, 8)]
    activations = len(task.args) - len(shapes)
    assert activations == 3
