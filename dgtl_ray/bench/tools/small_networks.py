"""Small networks with the operators that their namesakes have: for graphs, not for accuracy."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_IMAGE = (1, 3, 64, 64)


def _normed(inputs: int, outputs: int, kernel: int, **options: Any) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, **options)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


class Inverted(nn.Module):
    """MobileNet's inverted residual: widen, convolve each channel, squeeze and excite, narrow."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, activation: nn.Module, *, excites: bool
    ) -> None:
        super().__init__()
        width = 4 * inputs
        self.widen = _normed(inputs, width, 1, bias=False)
        self.each = _normed(width, width, 3, stride=stride, groups=width, bias=False)
        self.narrow = _normed(width, outputs, 1, bias=False)
        self.activation = activation
        self.less = nn.Conv2d(width, width // 4, 1) if excites else None
        self.more = nn.Conv2d(width // 4, width, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """The block's output, the input added where shapes allow."""
        y = self.activation(self.each(self.activation(self.widen(x))))
        if self.less is not None:
            scale = functional.relu(self.less(y.mean((2, 3), keepdim=True)))
            y = y * functional.hardsigmoid(self.more(scale))
        y = self.narrow(y)
        result: Tensor = x + y if self.residual else y
        return result


def mobilenet_v2() -> tuple[nn.Module, Tensor]:
    """ReLU6 behind batch norms without biases."""
    return _mobilenet(nn.ReLU6(), excites=False)


def mobilenet_v3() -> tuple[nn.Module, Tensor]:
    """Hard-swish, and blocks that excite by a hard sigmoid."""
    return _mobilenet(nn.Hardswish(), excites=True)


def _mobilenet(activation: nn.Module, *, excites: bool) -> tuple[nn.Module, Tensor]:
    shapes = [(8, 8, 1), (8, 12, 2), (12, 12, 1), (12, 16, 2), (16, 16, 1)]
    blocks = [Inverted(*shape, activation, excites=excites) for shape in shapes]
    stem = [_normed(3, 8, 3, stride=2, bias=False), activation]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)]
    return nn.Sequential(*stem, *blocks, *head), torch.randn(_IMAGE)


def vgg_bn() -> tuple[nn.Module, Tensor]:
    """Convolutions with biases, and batch norms behind them."""
    widths = [(3, 8), (8, 8), (8, 16), (16, 16), (16, 32), (32, 32)]
    layers: list[nn.Module] = []
    for at, (inputs, outputs) in enumerate(widths):
        layers += [_normed(inputs, outputs, 3), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if at % 2 else []
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 64, 10)), torch.randn(_IMAGE)


class UNet(nn.Module):
    """Two steps down, two up by transposed convolutions, leaky ReLU, concatenated skips."""

    def __init__(self) -> None:
        super().__init__()
        widths = [(3, 8), (8, 16), (16, 32)]
        self.down = nn.ModuleList(_normed(*width, 3) for width in widths)
        self.up = nn.ModuleList([self._up(32, 16), self._up(16, 8)])
        self.merge = nn.ModuleList([_normed(32, 16, 3), _normed(16, 8, 3)])
        self.head = nn.Conv2d(8, 2, 1)

    @staticmethod
    def _up(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 2, 2), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """A map of two classes."""
        skips = []
        for at, down in enumerate(self.down):
            x = functional.leaky_relu(down(functional.max_pool2d(x, 2) if at else x), 0.1)
            skips.append(x)
        for up, merge, skip in zip(self.up, self.merge, skips[-2::-1], strict=True):
            x = torch.cat([skip, functional.leaky_relu(up(x), 0.1)], 1)
            x = functional.leaky_relu(merge(x), 0.1)
        return self.head(x)  # type: ignore[no-any-return]


def unet() -> tuple[nn.Module, Tensor]:
    """See `UNet`."""
    return UNet(), torch.randn(_IMAGE)


NETWORKS = {
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3": mobilenet_v3,
    "vgg_bn": vgg_bn,
    "unet": unet,
}
