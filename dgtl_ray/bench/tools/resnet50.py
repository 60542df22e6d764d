"""ResNet-50 (He et al., 2016), with the stride in the 3×3 convolution."""

import torch
from torch import Tensor, nn

from dgtl_ray.model.zoo.weights import fill

_SEED = 0
_EXPANSION = 4


class Bottleneck(nn.Module):
    """1×1 down, 3×3, 1×1 up, and a shortcut."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        out = _EXPANSION * channels
        self.down = _convolution(channels_in, channels, 1)
        self.spatial = _convolution(channels, channels, 3, stride)
        self.up = _convolution(channels, out, 1)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != out:
            self.shortcut = _convolution(channels_in, out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Activations in, activations out: N × channels × H × W."""
        y = torch.relu(self.down(x))
        y = torch.relu(self.spatial(y))
        y = self.up(y)
        return torch.relu(y + self.shortcut(x))


def resnet50() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Random weights, and an image (1 × 3 × 224 × 224)."""
    torch.manual_seed(_SEED)
    layers: list[nn.Module] = [_convolution(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels_in = 64
    for channels, stride, blocks in ((64, 1, 3), (128, 2, 4), (256, 2, 6), (512, 2, 3)):
        for block in range(blocks):
            layers.append(Bottleneck(channels_in, channels, stride if block == 0 else 1))
            channels_in = _EXPANSION * channels
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels_in, 1000)]
    return fill(nn.Sequential(*layers)).eval(), (torch.randn(1, 3, 224, 224),)


def _convolution(channels_in: int, channels: int, size: int, stride: int = 1) -> nn.Module:
    """With batch norm, and as much padding as keeps the size."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(channels),
    )
