"""MobileNet-v1, width 1 (Howard et al., 2017)."""

from torch import nn

# Output channels and stride of each depthwise-separable block.
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)


def build() -> nn.Module:
    """Stem, thirteen separable blocks, global pooling, classifier."""
    layers = _conv(3, 32, 3, 2)
    channels_in = 32
    for channels, stride in BLOCKS:
        layers += _conv(channels_in, channels_in, 3, stride, groups=channels_in)
        layers += _conv(channels_in, channels, 1, 1)
        channels_in = channels
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels_in, 1000)]
    return nn.Sequential(*layers)


def _conv(
    channels_in: int, channels: int, kernel: int, stride: int, groups: int = 1
) -> list[nn.Module]:
    padding = kernel // 2
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    ]
