"""A lowered network computes what its framework computes."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from dgtl_ray.model import TargetSpec, load_network
from tests.model import nets, untuned

TOLERANCE = 1e-3

CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "operators of the built-in networks": (nets.convolutional, nets.IMAGE_SHAPE),
    "grouped and dilated": (
        lambda: nn.Sequential(
            nn.Conv2d(8, 16, 3, groups=2, padding=1),
            nn.Conv2d(16, 32, 3, groups=16, dilation=2),
            nn.Conv2d(32, 32, 3, groups=32, dilation=2, padding=(2, 1), stride=(2, 1)),
            nn.SiLU(),
        ),
        nets.IMAGE_SHAPE,
    ),
    "a batch norm without a convolution before it": (
        lambda: nn.Sequential(nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3)),
        nets.IMAGE_SHAPE,
    ),
    "patches and attention": (
        lambda: nets.Wired(
            lambda layers, x: layers[1](layers[0](x).flatten(2).transpose(1, 2)),
            nn.Conv2d(8, 16, 4, 4),
            nn.TransformerEncoderLayer(16, 2, 32, batch_first=True),
        ),
        nets.IMAGE_SHAPE,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_gives_the_answers_of_pytorch(cpu: TargetSpec, case: str) -> None:
    build, shape = CASES[case]
    network = load_network(build(), cpu, example_inputs=torch.randn(shape))
    assert untuned.worst_relative_error(network, cpu) <= TOLERANCE


def test_inputs_and_outputs_keep_their_order(cpu: TargetSpec) -> None:
    module = nets.Wired(
        lambda layers, x, y: {"sum": layers[0](x) + 2 * y, "mean": [layers[0](y).mean((2, 3))]},
        nn.Conv2d(8, 8, 3, padding=1),
    )
    image = torch.randn(nets.IMAGE_SHAPE)
    network = load_network(module, cpu, example_inputs=(image, image))
    assert len(network.inputs) == 2
    assert untuned.worst_relative_error(network, cpu) <= TOLERANCE


def test_nested_keyword_and_plain_inputs_and_outputs(cpu: TargetSpec) -> None:
    class Asking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(
            self, pair: tuple[Tensor, Tensor], factor: int, mask: None, *, bias: dict[str, Tensor]
        ) -> dict[str, object]:
            total = self.layer(pair[0]) * factor + pair[1] + bias["b"]
            return {"total": total, "mask": mask, "size": total.shape[0], "more": [total + 1]}

    inputs = {
        "pair": (torch.randn(3, 8), torch.randn(3, 8)),
        "factor": 2,
        "mask": None,
        "bias": {"b": torch.randn(8)},
    }
    network = load_network(Asking(), cpu, example_inputs=inputs)
    assert [spec.shape for spec in network.inputs] == [(3, 8), (3, 8), (8,)]
    assert untuned.worst_relative_error(network, cpu) <= TOLERANCE
    assert len(network.reference(network.example_inputs())) == 2


def test_indices_as_inputs_are_the_users_own_and_others_of_the_table(cpu: TargetSpec) -> None:
    module = nn.Sequential(nn.Embedding(10, 8), nn.Linear(8, 4))
    indices = torch.tensor([[9, 3, 0]])
    network = load_network(module, cpu, example_inputs=indices)
    (own,) = network.source.own_inputs() or ()
    assert own.tolist() == indices.tolist()
    drawn = {int(i) for seed in range(30) for i in network.example_inputs(seed)[0].ravel()}
    assert drawn == set(range(10))
    assert untuned.worst_relative_error(network, cpu) <= TOLERANCE


def test_a_built_in_network_on_a_small_image(cpu: TargetSpec) -> None:
    network = load_network("tests.model.nets:small_mobilenet", cpu)
    assert untuned.worst_relative_error(network, cpu) <= TOLERANCE


def test_example_inputs_follow_the_seed(cpu: TargetSpec) -> None:
    network = load_network(nn.Linear(4, 2), cpu, example_inputs=torch.randn(3, 4))
    (first,), (again,), (other,) = (network.example_inputs(seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert first.shape == network.inputs[0].shape == (3, 4)
    assert isinstance(torch.from_numpy(first), Tensor)
