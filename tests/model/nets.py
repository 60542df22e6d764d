"""Small networks, and factories as a user would write them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dgtl_ray.model.zoo import mobilenet_v1
from dgtl_ray.model.zoo.weights import fill

IMAGE_SHAPE = (1, 8, 12, 12)


class Wired(nn.Module):
    """Layers that a function puts together."""

    def __init__(self, wire: Callable[..., object], *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self._wire = wire

    def forward(self, *inputs: Tensor) -> object:
        return self._wire(self.layers, *inputs)


def convolutional() -> nn.Module:
    """Every operator of the built-in networks, once."""
    return fill(
        nn.Sequential(
            nn.Conv2d(8, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, stride=2, padding=1, groups=16),
            nn.BatchNorm2d(16),
            nn.MaxPool2d(3, 2, 1),
            nn.AvgPool2d(2, 1),
            nn.AdaptiveAvgPool2d((2, 1)),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(32, 10),
            nn.Softmax(1),
        )
    ).eval()


def small_mobilenet() -> tuple[nn.Module, Tensor]:
    """The built-in MobileNet-v1 on a small image."""
    torch.manual_seed(0)
    return fill(mobilenet_v1.build()).eval(), torch.randn(1, 3, 32, 32)


def with_own_inputs() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 2))
    module.example_inputs = torch.randn(3, 4)
    return module


def raises() -> nn.Module:
    raise RuntimeError("no weights found")


def returns_text() -> str:
    return "resnet18"


def without_inputs() -> tuple[nn.Module, None]:
    return nn.Linear(4, 2), None
