"""SqueezeNet 1.1 (Iandola et al., 2016): few weights, many small convolutions."""

import torch
from torch import Tensor, nn

from dgtl_ray.bench.zoo.compact import Fire
from dgtl_ray.model.zoo.weights import fill

_SEED = 0
# Channels that come in, that are left between, and of each half that goes out; None: a pooling.
_FIRES = (
    *((64, 16, 64), (128, 16, 64), None, (128, 32, 128), (256, 32, 128), None),
    *((256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256)),
)


def squeezenet() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Random weights, and an image (1 × 3 × 224 × 224)."""
    torch.manual_seed(_SEED)
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, 2), nn.ReLU(), _pooling()]
    layers += [Fire(*channels) if channels else _pooling() for channels in _FIRES]
    layers += [nn.Conv2d(512, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return fill(nn.Sequential(*layers)).eval(), (torch.randn(1, 3, 224, 224),)


def _pooling() -> nn.Module:
    return nn.MaxPool2d(3, 2, ceil_mode=True)
