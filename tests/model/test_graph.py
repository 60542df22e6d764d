"""The graph before the layers: what folds, what fuses, and that the answers stay."""

import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from dgtl_ray.model import Network, TargetSpec, load_network
from tests.model import nets, untuned

TOLERANCE = 1e-5


def lowered(module: nn.Module, cpu: TargetSpec, shape: tuple[int, ...]) -> Network:
    """A network whose batch norms are not those of an untrained one."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor, low, high in (
                (part.running_mean, -1, 1),
                (part.running_var, 0.5, 2),
                (part.weight.data, 0.5, 2),
                (part.bias.data, -1, 1),
            ):
                assert tensor is not None
                tensor.uniform_(low, high)
    return load_network(module.eval(), cpu, example_inputs=torch.randn(shape))


def layers(network: Network) -> list[str]:
    """Names of the layers, without numbers, what they fuse joined by underscores."""
    return [
        re.sub(r"\d+(?=_|$)", "", task.name.removeprefix("fused_"))
        for task in network.tasks
        if not task.name.startswith("reshape")
    ]


IMAGE = (2, 8, 9, 7)
ROWS = torch.arange(9.0)[:, None]

FOLDED: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "behind a convolution with a bias": (
        lambda: nn.Sequential(nn.Conv2d(8, 6, 3, padding=1), nn.BatchNorm2d(6)),
        IMAGE,
        "conv2d_add",
    ),
    "behind a convolution without one": (
        lambda: nn.Sequential(nn.Conv2d(8, 6, 3, bias=False), nn.BatchNorm2d(6)),
        IMAGE,
        "conv2d_add",
    ),
    "behind a grouped convolution": (
        lambda: nn.Sequential(nn.Conv2d(8, 4, 3, groups=2), nn.BatchNorm2d(4)),
        IMAGE,
        "group_conv2d_add",
    ),
    "behind a depthwise convolution": (
        lambda: nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.BatchNorm2d(8)),
        IMAGE,
        "depthwise_conv2d_add",
    ),
    "behind a transposed convolution": (
        lambda: nn.Sequential(nn.ConvTranspose2d(8, 6, 2, 2), nn.BatchNorm2d(6)),
        IMAGE,
        "conv2d_transpose_add",
    ),
    "behind a grouped transposed convolution": (
        lambda: nn.Sequential(nn.ConvTranspose2d(8, 6, 3, 2, groups=2), nn.BatchNorm2d(6)),
        IMAGE,
        "conv2d_transpose_add",
    ),
    "behind a convolution of one axis": (
        lambda: nn.Sequential(nn.Conv1d(8, 6, 3, padding=1), nn.BatchNorm1d(6)),
        (2, 8, 9),
        "conv1d_add",
    ),
    "behind a dense layer": (
        lambda: nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6)),
        (2, 8),
        "matmul_add",
    ),
    "before a convolution without padding": (
        lambda: nn.Sequential(nn.BatchNorm2d(8), nn.Conv2d(8, 6, 3)),
        IMAGE,
        "conv2d_add",
    ),
    "before a grouped convolution without padding": (
        lambda: nn.Sequential(nn.BatchNorm2d(8), nn.Conv2d(8, 6, 3, groups=2)),
        IMAGE,
        "group_conv2d_add",
    ),
    "before a dense layer": (
        lambda: nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 6)),
        (2, 8),
        "matmul_add",
    ),
    "on both sides": (
        lambda: nn.Sequential(nn.BatchNorm2d(8), nn.Conv2d(8, 6, 1), nn.BatchNorm2d(6)),
        IMAGE,
        "conv2d_add",
    ),
}


@pytest.mark.parametrize("case", FOLDED)
def test_a_batch_norm_folds(cpu: TargetSpec, case: str) -> None:
    build, shape, wanted = FOLDED[case]
    network = lowered(build(), cpu, shape)
    assert untuned.worst_relative_error(network, cpu) <= TOLERANCE
    assert [name for name in layers(network) if not name.startswith("transpose")] == [wanted]


NOT_FOLDED: dict[str, Callable[[], nn.Module]] = {
    "zeros would be shifted": lambda: nn.Sequential(
        nn.BatchNorm2d(8), nn.Conv2d(8, 6, 3, padding=1)
    ),
    "an activation is between": lambda: nn.Sequential(
        nn.Conv2d(8, 6, 3), nn.ReLU(), nn.BatchNorm2d(6)
    ),
    "the convolution is read twice": lambda: nets.Wired(
        lambda parts, x: (y := parts[0](x)) + parts[1](y), nn.Conv2d(8, 6, 3), nn.BatchNorm2d(6)
    ),
    "the batch norm is read twice": lambda: nets.Wired(
        lambda parts, x: (y := parts[0](x)) + parts[1](y), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1)
    ),
    "the factor differs within a channel": lambda: nets.Wired(
        lambda parts, x: parts[0](x) * torch.arange(5.0), nn.Conv2d(8, 6, 3)
    ),
    "the constant is divided": lambda: nets.Wired(
        lambda parts, x: 1.0 / (3.0 + parts[0](x).abs()), nn.Conv2d(8, 6, 3)
    ),
    "the result is larger": lambda: nets.Wired(
        lambda parts, x: parts[0](x) * torch.arange(1.0, 7.0)[:, None, None],
        nn.Conv2d(8, 1, 3),
    ),
}


@pytest.mark.parametrize("case", NOT_FOLDED)
def test_where_it_would_be_wrong_nothing_folds(cpu: TargetSpec, case: str) -> None:
    network = lowered(NOT_FOLDED[case](), cpu, IMAGE)
    assert untuned.worst_relative_error(network, cpu) <= TOLERANCE


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "clip": lambda x: x.clamp(-0.5, 0.5),
    "leaky ReLU": lambda x: functional.leaky_relu(x, 0.1),
    "hard-swish": functional.hardswish,
    "hard-sigmoid": functional.hardsigmoid,
    "where": lambda x: torch.where(x > 0.1, x, x * 0.3),
    "ReLU6": functional.relu6,
    "ELU": functional.elu,
    "GELU": functional.gelu,
    "mish": functional.mish,
    "PReLU": lambda x: functional.prelu(x, torch.linspace(0.1, 0.4, 6)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_fuse_and_leave_no_transposes(cpu: TargetSpec, name: str) -> None:
    module = nets.Wired(
        lambda parts, x: parts[1](ACTIVATIONS[name](parts[0](x))),
        nn.Conv2d(8, 6, 3, padding=1),
        nn.Conv2d(6, 8, 3),
    )
    network = lowered(module, cpu, IMAGE)
    assert untuned.worst_relative_error(network, cpu) <= TOLERANCE
    found = layers(network)
    assert len(found) == 4
    assert [found[0], found[-1]] == ["transpose", "transpose"]
    assert found[1].startswith("conv2d_add_")
    assert found[2] == "conv2d_add"


BETWEEN: dict[str, Callable[[Tensor], Tensor]] = {
    "pad": lambda x: functional.pad(functional.leaky_relu(x), (1, 2, 0, 1), value=0.5),
    "concat": lambda x: torch.cat([functional.leaky_relu(x), x.clamp(0, 1)], 1),
    "concat along rows": lambda x: torch.cat([functional.leaky_relu(x), x.clamp(0, 1)], 2),
    "resize": lambda x: functional.interpolate(functional.leaky_relu(x), scale_factor=2),
    "bilinear": lambda x: functional.interpolate(
        x.clamp(0, 1), scale_factor=2, mode="bilinear", align_corners=False
    ),
    "pools": lambda x: functional.avg_pool2d(
        functional.max_pool2d(functional.leaky_relu(x), 3, 2, 1, ceil_mode=True), 2, 1, 1
    ),
    "adaptive pool": lambda x: functional.adaptive_avg_pool2d(functional.leaky_relu(x), (3, 7)),
    "mean": lambda x: x * functional.leaky_relu(x).mean((2, 3), keepdim=True),
    "squeeze and excite": lambda x: x * functional.hardsigmoid(x.mean((2, 3), keepdim=True)),
    "residual": lambda x: functional.leaky_relu(x) + x.clamp(0, 1),
    "softmax of channels": lambda x: x.clamp(0, 1).softmax(1),
    "a bias of rows": lambda x: x.clamp(0, 1) + ROWS,
}


@pytest.mark.parametrize("name", BETWEEN)
def test_the_answers_stay_with_what_lies_between_convolutions(cpu: TargetSpec, name: str) -> None:
    module = nets.Wired(
        lambda parts, x: parts[1](functional.leaky_relu(BETWEEN[name](parts[0](x)))),
        nn.Conv2d(8, 6, 3, padding=1),
        nn.LazyConv2d(8, 3),
    )
    module(torch.zeros(IMAGE))
    network = lowered(module, cpu, IMAGE)
    assert untuned.worst_relative_error(network, cpu) <= TOLERANCE
    if name != "softmax of channels":
        assert sum(name.startswith("transpose") for name in layers(network)) == 2


def test_a_mean_of_all_positions_needs_no_transpose(cpu: TargetSpec) -> None:
    module = nets.Wired(
        lambda parts, x: parts[1](parts[0](x).clamp(0, 6).mean((2, 3))),
        nn.Conv2d(8, 6, 3),
        nn.Linear(6, 3),
    )
    network = lowered(module, cpu, IMAGE)
    assert untuned.worst_relative_error(network, cpu) <= TOLERANCE
    assert layers(network) == ["transpose", "conv2d_add_tir_clip", "mean", "matmul_add"]


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "extra"),
    [(2, 2, 0, 0), (3, 2, 1, 1), (4, 2, 1, 0), (3, 1, 1, 0), (5, 3, 2, 1), (2, 3, 0, 0)],
)
def test_transposed_convolutions_behind_convolutions(
    cpu: TargetSpec, kernel: int, stride: int, padding: int, extra: int
) -> None:
    up = nn.ConvTranspose2d(6, 5, kernel, stride, padding, extra)
    network = lowered(nn.Sequential(nn.Conv2d(8, 6, 3), up, nn.ReLU6()), cpu, IMAGE)
    assert untuned.worst_relative_error(network, cpu) <= TOLERANCE
    assert "conv2d_transpose_add_tir_clip" in layers(network)


@pytest.mark.parametrize(
    "up",
    [
        nn.ConvTranspose2d(6, 4, 3, 2, groups=2),
        nn.ConvTranspose2d(6, 4, 3, 2, dilation=2),
        nn.ConvTranspose2d(6, 4, (3, 2), (1, 2), padding=(1, 0)),
    ],
)
def test_other_transposed_convolutions(cpu: TargetSpec, up: nn.Module) -> None:
    network = lowered(nn.Sequential(nn.Conv2d(8, 6, 3), up, nn.Conv2d(4, 3, 1)), cpu, IMAGE)
    assert untuned.worst_relative_error(network, cpu) <= TOLERANCE
