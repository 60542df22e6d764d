"""VGG-16 (Simonyan and Zisserman, 2015)."""

from torch import nn

# Convolutions of each stage: how many, and their output channels.
STAGES = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


def build() -> nn.Module:
    """Five stages of 3×3 convolutions, each pooled, and three dense layers."""
    layers: list[nn.Module] = []
    channels_in = 3
    for count, channels in STAGES:
        for _ in range(count):
            layers += [nn.Conv2d(channels_in, channels, 3, padding=1), nn.ReLU()]
            channels_in = channels
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(512 * 7 * 7, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 1000),
    )
