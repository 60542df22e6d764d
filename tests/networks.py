"""Small networks for the tests, as `package.module:factory` finds them."""

import torch
from torch import nn


class Tiny(nn.Module):
    """A convolution with batch norm, a pooling, a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.dense = nn.Linear(16 * 8 * 8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.conv(x)))
        x = torch.max_pool2d(x, 2)
        logits: torch.Tensor = self.dense(torch.flatten(x, 1))
        return logits


def tiny() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    torch.manual_seed(0)
    return Tiny().eval(), (torch.randn(1, 3, 16, 16),)


class Sibling(nn.Module):
    """Tasks like those of `Tiny`, none of them the same."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 32, 3, padding=1)
        self.second = nn.Conv2d(32, 32, 3, padding=1)
        self.dense = nn.Linear(32 * 8 * 8, 20)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.second(torch.relu(self.first(x))))
        logits: torch.Tensor = self.dense(torch.flatten(x, 1))
        return logits


def sibling() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    torch.manual_seed(1)
    return Sibling().eval(), (torch.randn(1, 3, 8, 8),)


class Deep(nn.Module):
    """3 × 3 convolutions one after another, with a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(16, 32, 3, padding=1)
        self.second = nn.Conv2d(32, 32, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        before = torch.relu(self.first(x))
        after: torch.Tensor = torch.relu(self.second(before) + before)
        return after


def deep() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    torch.manual_seed(0)
    return Deep().eval(), (torch.randn(1, 16, 13, 13),)
