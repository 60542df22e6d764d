"""Networks for small devices."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dgtl_ray.bench.zoo.parts import (
    SEED,
    Added,
    Built,
    Excitation,
    classifier,
    convolution,
    finished,
    image,
)


class Fire(nn.Module):
    """Few channels in, 1 × 1 and 3 × 3 convolutions of them side by side."""

    def __init__(self, inputs: int, inner: int, each: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, inner, 1)
        self.points = nn.Conv2d(inner, each, 1)
        self.squares = nn.Conv2d(inner, each, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """2 × each channels."""
        y = functional.relu(self.squeeze(x))
        return torch.cat([functional.relu(self.points(y)), functional.relu(self.squares(y))], 1)


def squeezenet() -> Built:
    """Iandola et al., 2016: pooling that rounds up, classes by a convolution."""
    torch.manual_seed(SEED)
    return finished(
        nn.Sequential(
            nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(16, 4, 8), Fire(16, 4, 8), nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(16, 6, 12), nn.Dropout(), nn.Conv2d(24, 10, 1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        ),
        image(),
    )  # fmt: skip


def _inverted(
    shape: tuple[int, int, int], size: int, stride: int, activation: nn.Module, gate: nn.Module
) -> nn.Module:
    """Widen, convolve each channel, weight channels, narrow; added where shapes allow."""
    inputs, inner, outputs = shape
    branch = nn.Sequential(
        convolution(inputs, inner), activation,
        convolution(inner, inner, size, stride, inner), activation,
        gate, convolution(inner, outputs),
    )  # fmt: skip
    return Added(branch) if stride == 1 and inputs == outputs else branch


def mobilenet_v2() -> Built:
    """Sandler et al., 2018: ReLU6, linear bottlenecks."""
    torch.manual_seed(SEED)
    act, plain = nn.ReLU6(), nn.Identity()
    blocks = [((8, 48, 12), 2), ((12, 72, 12), 1), ((12, 72, 16), 2), ((16, 96, 16), 1)]
    layers = [_inverted(shape, 3, stride, act, plain) for shape, stride in blocks]
    head = [convolution(16, 32), act, *classifier(32)]
    return finished(nn.Sequential(convolution(3, 8, 3, 2), act, *layers, *head), image())


def mobilenet_v3() -> Built:
    """Howard et al., 2019: hard-swish, excitation by a hard sigmoid, 5 × 5 convolutions."""
    torch.manual_seed(SEED)
    act = nn.Hardswish()

    def gate(inner: int) -> nn.Module:
        return Excitation(inner, inner // 4, nn.ReLU(), functional.hardsigmoid)

    layers = [
        _inverted((8, 16, 8), 3, 2, nn.ReLU(), gate(16)),
        _inverted((8, 32, 12), 3, 2, nn.ReLU(), nn.Identity()),
        _inverted((12, 48, 12), 5, 1, act, gate(48)),
    ]
    head = [convolution(12, 32), act, nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    dense = [nn.Linear(32, 24), act, nn.Dropout(), nn.Linear(24, 10)]
    return finished(nn.Sequential(convolution(3, 8, 3, 2), act, *layers, *head, *dense), image())


def efficientnet_b0() -> Built:
    """Tan and Le, 2019: SiLU, excitation by a sigmoid."""
    torch.manual_seed(SEED)
    act = nn.SiLU()

    def gate(inner: int, inputs: int) -> nn.Module:
        return Excitation(inner, max(1, inputs // 4), nn.SiLU(), torch.sigmoid)

    layers = [
        _inverted((8, 8, 8), 3, 1, act, gate(8, 8)),
        _inverted((8, 48, 12), 3, 2, act, gate(48, 8)),
        _inverted((12, 72, 12), 5, 1, act, gate(72, 12)),
        _inverted((12, 72, 16), 5, 2, act, gate(72, 12)),
    ]
    head = [convolution(16, 32), act, *classifier(32)]
    return finished(nn.Sequential(convolution(3, 8, 3, 2), act, *layers, *head), image())


class _Shuffle(nn.Module):
    """Half of the channels convolved, then all of them dealt out anew."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self._stride = stride
        half = channels // 2
        inputs = channels if stride == 2 else half
        self.right = nn.Sequential(
            convolution(inputs, channels - half), nn.ReLU(),
            convolution(channels - half, channels - half, 3, stride, channels - half),
            convolution(channels - half, channels - half), nn.ReLU(),
        )  # fmt: skip
        self.left = nn.Sequential(
            convolution(inputs, inputs, 3, stride, inputs), convolution(inputs, half), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Channels of both halves in turn."""
        if self._stride == 2:
            halves = [self.left(x), self.right(x)]
        else:
            left, right = x.chunk(2, 1)
            halves = [left, self.right(right)]
        batch, channels, height, width = x.shape
        both = torch.cat(halves, 1).reshape(
            batch, 2, -1, height // self._stride, width // self._stride
        )
        return both.transpose(1, 2).reshape(batch, channels, height // self._stride, -1)


def shufflenet_v2() -> Built:
    """Ma et al., 2018: split, convolve, concatenate, shuffle."""
    torch.manual_seed(SEED)
    stem = [convolution(3, 16, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    blocks = [_Shuffle(16, 2), _Shuffle(16, 1), _Shuffle(16, 1)]
    return finished(nn.Sequential(*stem, *blocks, *classifier(16)), image())
