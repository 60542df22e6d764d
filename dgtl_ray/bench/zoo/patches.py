"""Vision networks of patches: ConvNeXt, ViT, Swin."""

import torch
from torch import Tensor, nn

from dgtl_ray.bench.zoo.parts import SEED, Attention, Built, Mlp, finished, image


class _NormOverChannels(nn.LayerNorm):
    """Layer norm over the channels of each pixel of N × C × H × W."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _ConvNextBlock(nn.Module):
    """A large depthwise convolution, then dense layers at each pixel, scaled by channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, 4 * width, nn.GELU())
        self.scale = nn.Parameter(torch.rand(width))

    def forward(self, x: Tensor) -> Tensor:
        """N × C × H × W in and out."""
        y = self.scale * self.mlp(self.norm(self.spatial(x).permute(0, 2, 3, 1)))
        result: Tensor = x + y.permute(0, 3, 1, 2)
        return result


def convnext() -> Built:
    """Liu et al., 2022."""
    torch.manual_seed(SEED)
    return finished(
        nn.Sequential(
            nn.Conv2d(3, 12, 4, 4), _NormOverChannels(12, eps=1e-6),
            _ConvNextBlock(12), _ConvNextBlock(12),
            _NormOverChannels(12, eps=1e-6), nn.Conv2d(12, 24, 2, 2), _ConvNextBlock(24),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(24), nn.Linear(24, 10),
        ),
        image(),
    )  # fmt: skip


class _Block(nn.Module):
    """Attention, then dense layers; norms before both, residuals around both."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.attention = Attention(width, heads)
        self.mlp = Mlp(width, 2 * width, nn.GELU())

    def forward(self, x: Tensor) -> Tensor:
        """N × tokens × width in and out."""
        first, second = self.norms
        x = x + self.attention(first(x))
        result: Tensor = x + self.mlp(second(x))
        return result


class _ViT(nn.Module):
    """Patches and a class token with learnt positions."""

    def __init__(self, width: int, tokens: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, tokens + 1, width))
        self.blocks = nn.Sequential(_Block(width, 3), _Block(width, 3))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """An image → logits."""
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(x.shape[0], -1, -1), tokens], 1) + self.positions
        result: Tensor = self.head(self.norm(self.blocks(tokens))[:, 0])
        return result


def vit() -> Built:
    """Dosovitskiy et al., 2021."""
    torch.manual_seed(SEED)
    return finished(_ViT(24, 16), image())


class _WindowBlock(nn.Module):
    """Attention within windows, shifted or not, with a bias for each relative position."""

    _where: Tensor
    _mask: Tensor

    def __init__(self, width: int, heads: int, side: int, window: int, shift: int) -> None:
        super().__init__()
        self._side, self._window, self._shift = side, window, shift
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.attention = Attention(width, heads)
        self.mlp = Mlp(width, 2 * width, nn.GELU())
        self.bias = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads))
        at = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij"))
        apart = at.flatten(1)[:, :, None] - at.flatten(1)[:, None] + window - 1
        self.register_buffer("_where", apart[0] * (2 * window - 1) + apart[1])
        self.register_buffer("_mask", self._hidden())

    def _windows(self, x: Tensor) -> Tensor:
        """N × side × side × C → windows × pixels of one × C."""
        parts = self._side // self._window
        x = x.reshape(-1, parts, self._window, parts, self._window, x.shape[-1])
        return x.transpose(2, 3).reshape(-1, self._window**2, x.shape[-1])

    def _image(self, windows: Tensor) -> Tensor:
        """The inverse of `_windows`."""
        parts = self._side // self._window
        x = windows.reshape(-1, parts, parts, self._window, self._window, windows.shape[-1])
        return x.transpose(2, 3).reshape(-1, self._side, self._side, windows.shape[-1])

    def _hidden(self) -> Tensor:
        """A mask that keeps pixels apart which only the shift brought together."""
        at = torch.arange(self._side)
        edges = (self._side - self._window, self._side - self._shift if self._shift else self._side)
        region = (at >= edges[0]).long() + (at >= edges[1]).long()
        names = self._windows((region[:, None] * 3 + region[None])[None, :, :, None])[..., 0]
        return torch.where(names[:, :, None] == names[:, None], 0.0, -100.0)[:, None]

    def forward(self, x: Tensor) -> Tensor:
        """N × side × side × C in and out."""
        first, second = self.norms
        y = first(x)
        if self._shift:
            y = torch.roll(y, (-self._shift, -self._shift), (1, 2))
        bias = self.bias[self._where].permute(2, 0, 1)[None]
        y = self._image(self.attention(self._windows(y), bias + self._mask))
        if self._shift:
            y = torch.roll(y, (self._shift, self._shift), (1, 2))
        x = x + y
        result: Tensor = x + self.mlp(second(x))
        return result


class _Merge(nn.Module):
    """Four neighbours become one pixel of twice the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduce = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """N × H × W × C → N × H/2 × W/2 × 2C."""
        rows = (x[:, 0::2], x[:, 1::2])
        parts = [half[:, :, column::2] for column in (0, 1) for half in rows]
        result: Tensor = self.reduce(self.norm(torch.cat(parts, -1)))
        return result


class _Swin(nn.Module):
    """Two stages of windows of 4 × 4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.first = nn.Sequential(*(_WindowBlock(width, 2, 8, 4, shift) for shift in (0, 2)))
        self.merge = _Merge(width)
        self.second = _WindowBlock(2 * width, 4, 4, 4, 0)
        self.norm = nn.LayerNorm(2 * width)
        self.head = nn.Linear(2 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """An image → logits."""
        y = self.first(self.patches(x).permute(0, 2, 3, 1))
        y = self.norm(self.second(self.merge(y)))
        result: Tensor = self.head(y.mean((1, 2)))
        return result


def swin() -> Built:
    """Liu et al., 2021."""
    torch.manual_seed(SEED)
    return finished(_Swin(16), image())
