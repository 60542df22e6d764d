"""What several families are made of."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from dgtl_ray.model.zoo.weights import fill

SEED = 0
CLASSES = 10
Built = tuple[nn.Module, tuple[Tensor, ...]]


def image(size: int = 32) -> Tensor:
    """1 × 3 × size × size."""
    return torch.randn(1, 3, size, size)


def convolution(
    inputs: int, outputs: int, size: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """A convolution that keeps the size but for its stride, and its batch norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


def classifier(inputs: int) -> list[nn.Module]:
    """Mean over the image, then a dense layer."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, CLASSES)]


def finished(module: nn.Module, *inputs: Tensor) -> Built:
    """The network in eval mode, its weights and statistics filled."""
    return fill(module).eval(), inputs


class Added(nn.Module):
    """A branch beside a shortcut, an activation behind their sum."""

    def __init__(
        self, branch: nn.Module, shortcut: nn.Module | None = None, last: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut or nn.Identity()
        self.last = last or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Activations in, activations out."""
        result: Tensor = self.last(self.shortcut(x) + self.branch(x))
        return result


class Excitation(nn.Module):
    """Squeeze and excitation (Hu et al., 2018): channels weighted by their means."""

    def __init__(
        self, channels: int, inner: int, activation: nn.Module, gate: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, inner, 1)
        self.activation = activation
        self.excite = nn.Conv2d(inner, channels, 1)
        self._gate = gate

    def forward(self, x: Tensor) -> Tensor:
        """The input, each channel times its weight."""
        mean = functional.adaptive_avg_pool2d(x, 1)
        return x * self._gate(self.excite(self.activation(self.squeeze(mean))))


class Attention(nn.Module):
    """Multi-head attention; a bias may be added to its logits, or what follows be hidden."""

    def __init__(self, width: int, heads: int, *, bias: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=bias)
        self.key = nn.Linear(width, width, bias=bias)
        self.value = nn.Linear(width, width, bias=bias)
        self.out = nn.Linear(width, width, bias=bias)

    def forward(self, x: Tensor, bias: Tensor | None = None, *, causal: bool = False) -> Tensor:
        """Tokens in, tokens out: N × tokens × width."""
        q, k, v = (split_heads(part(x), self.heads) for part in (self.query, self.key, self.value))
        mixed = functional.scaled_dot_product_attention(q, k, v, bias, is_causal=causal)
        result: Tensor = self.out(join_heads(mixed))
        return result


def split_heads(x: Tensor, heads: int) -> Tensor:
    """N × tokens × width → N × heads × tokens × width of one."""
    batch, tokens, width = x.shape
    return x.reshape(batch, tokens, heads, width // heads).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """The inverse of `split_heads`."""
    return x.transpose(1, 2).flatten(2)


class Mlp(nn.Module):
    """Two dense layers with an activation between."""

    def __init__(self, width: int, inner: int, activation: nn.Module) -> None:
        super().__init__()
        self.up = nn.Linear(width, inner)
        self.activation = activation
        self.down = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """Along the last axis."""
        result: Tensor = self.down(self.activation(self.up(x)))
        return result
