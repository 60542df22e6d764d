"""Networks of bottlenecks with shortcuts, and their dense relative."""

import torch
from torch import Tensor, nn

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


def _bottleneck(
    inputs: int, inner: int, outputs: int, stride: int, groups: int, *, excites: bool = False
) -> nn.Module:
    """1 × 1, 3 × 3 (in groups), 1 × 1."""
    branch = [
        convolution(inputs, inner), nn.ReLU(),
        convolution(inner, inner, 3, stride, groups), nn.ReLU(),
    ]  # fmt: skip
    if excites:
        branch.append(Excitation(inner, inputs // 4, nn.ReLU(), torch.sigmoid))
    branch.append(convolution(inner, outputs))
    keeps = stride == 1 and inputs == outputs
    shortcut = None if keeps else convolution(inputs, outputs, 1, stride)
    return Added(nn.Sequential(*branch), shortcut, nn.ReLU())


def _stages(inner: tuple[int, ...], expansion: int, group_width: int = 0) -> list[nn.Module]:
    """Two bottlenecks in the first stage, one in each of the others; groups of that width."""
    layers: list[nn.Module] = []
    inputs = 8
    for at, width in enumerate((inner[0], *inner)):
        groups = width // group_width if group_width else 1
        stride = 2 if at > 1 else 1
        layers.append(_bottleneck(inputs, width, width * expansion, stride, groups))
        inputs = width * expansion
    return layers


def _stem() -> list[nn.Module]:
    return [convolution(3, 8, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]


def resnet50() -> Built:
    """He et al., 2016: the stride in the 3 × 3 convolution, four times as many channels out."""
    torch.manual_seed(SEED)
    return finished(nn.Sequential(*_stem(), *_stages((8, 12, 16), 4), *classifier(64)), image(64))


def resnext() -> Built:
    """Xie et al., 2017: the 3 × 3 convolution in groups."""
    torch.manual_seed(SEED)
    layers = [*_stem(), *_stages((8, 16, 32), 2, group_width=4), *classifier(64)]
    return finished(nn.Sequential(*layers), image(64))


def regnet() -> Built:
    """RegNetY (Radosavovic et al., 2020): groups of one width, no expansion, excitation."""
    torch.manual_seed(SEED)
    layers: list[nn.Module] = [convolution(3, 8, 3, 2), nn.ReLU()]
    for inputs, outputs in ((8, 8), (8, 16), (16, 24)):
        blocks = [(inputs, 2), (outputs, 1)]
        layers += [
            _bottleneck(i, outputs, outputs, s, outputs // 8, excites=True) for i, s in blocks
        ]
    return finished(nn.Sequential(*layers, *classifier(24)), image())


class _DenseLayer(nn.Module):
    """Its output beside everything before it."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, 4 * growth, 1, bias=False),
            nn.BatchNorm2d(4 * growth), nn.ReLU(),
            nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """More channels than it takes."""
        return torch.cat([x, self.layers(x)], 1)


def densenet() -> Built:
    """Huang et al., 2017: norms before convolutions, transitions that halve."""
    torch.manual_seed(SEED)
    layers = _stem()
    channels = 8
    for block in range(2):
        for _ in range(3):
            layers.append(_DenseLayer(channels, 4))
            channels += 4
        layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        if block == 0:
            layers += [nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
            channels //= 2
    return finished(nn.Sequential(*layers, *classifier(channels)), image())


class _Branches(nn.Module):
    """Several ways of one input, side by side."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Their channels, one branch after the other."""
        return torch.cat([branch(x) for branch in self.branches], 1)


def _factored(inputs: int, outputs: int, size: tuple[int, int]) -> nn.Module:
    """A convolution of one row or column, its norm, ReLU."""
    padding = (size[0] // 2, size[1] // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=padding, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
        nn.ReLU(),
    )


def _shrinking() -> nn.Module:
    """Half the size by a convolution without padding, and by pooling beside it."""
    strided = [nn.Conv2d(24, 8, 3, 2, bias=False), nn.BatchNorm2d(8, eps=1e-3), nn.ReLU()]
    return _Branches(nn.Sequential(*strided), nn.MaxPool2d(3, 2))


def inception_v3() -> Built:
    """Szegedy et al., 2016: branches of 7 × 1 and 1 × 7, pooled ones, one that splits."""
    torch.manual_seed(SEED)
    factored = _Branches(
        _factored(8, 6, (1, 1)),
        nn.Sequential(_factored(8, 6, (1, 1)), _factored(6, 6, (1, 7)), _factored(6, 6, (7, 1))),
        nn.Sequential(_factored(8, 6, (1, 1)), _factored(6, 6, (3, 3)), _factored(6, 6, (3, 3))),
        nn.Sequential(nn.AvgPool2d(3, 1, 1), _factored(8, 6, (1, 1))),
    )
    split = _Branches(_factored(8, 6, (1, 3)), _factored(8, 6, (3, 1)))
    widened = _Branches(
        nn.Sequential(_factored(32, 8, (1, 1)), split),
        nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), _factored(32, 8, (1, 1))),
    )
    stem = [nn.Conv2d(3, 8, 3, 2, bias=False), nn.BatchNorm2d(8, eps=1e-3), nn.ReLU()]
    return finished(
        nn.Sequential(*stem, factored, _shrinking(), widened, nn.Dropout(), *classifier(20)),
        image(),
    )
