"""Networks whose answers are maps: UNet, DeepLab's head, YOLO's, an autoencoder."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dgtl_ray.bench.zoo.parts import SEED, Added, Built, convolution, finished, image


def _twice(inputs: int, outputs: int) -> nn.Module:
    """Two 3 × 3 convolutions with ReLU."""
    first, second = convolution(inputs, outputs, 3), convolution(outputs, outputs, 3)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())


class _UNet(nn.Module):
    """Two steps down, two up with what was there before."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([_twice(3, 8), _twice(8, 16), _twice(16, 24)])
        self.widen = nn.ModuleList(
            [nn.ConvTranspose2d(24, 16, 2, 2), nn.ConvTranspose2d(16, 8, 2, 2)]
        )
        self.up = nn.ModuleList([_twice(32, 16), _twice(16, 8)])
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """An image → a map of two classes."""
        kept: list[Tensor] = []
        for step in self.down:
            x = step(functional.max_pool2d(x, 2) if kept else x)
            kept.append(x)
        for widen, step, skip in zip(self.widen, self.up, kept[-2::-1], strict=True):
            x = step(torch.cat([skip, widen(x)], 1))
        result: Tensor = self.head(x)
        return result


def unet() -> Built:
    """Ronneberger et al., 2015, with padding."""
    torch.manual_seed(SEED)
    return finished(_UNet(), image())


class _DeepLab(nn.Module):
    """Dilated convolutions side by side, one of the whole image, scaled up at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            convolution(3, 12, 3, 2), nn.ReLU(), convolution(12, 16, 3, 2), nn.ReLU()
        )
        self.branches = nn.ModuleList(
            [self._branch(1, 1), *(self._branch(3, rate) for rate in (2, 4))]
        )
        self.pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), convolution(16, 8), nn.ReLU())
        self.project = nn.Sequential(convolution(32, 16), nn.ReLU(), nn.Dropout())
        self.head = nn.Conv2d(16, 5, 1)

    @staticmethod
    def _branch(size: int, rate: int) -> nn.Module:
        padding = rate if size > 1 else 0
        layer = nn.Conv2d(16, 8, size, padding=padding, dilation=rate, bias=False)
        return nn.Sequential(layer, nn.BatchNorm2d(8), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """An image → a map of classes of its size."""
        y = self.backbone(x)
        parts = [branch(y) for branch in self.branches]
        parts.append(self._scaled(self.pooled(y), y))
        return self._scaled(self.head(self.project(torch.cat(parts, 1))), x)

    @staticmethod
    def _scaled(x: Tensor, like: Tensor) -> Tensor:
        return functional.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


def deeplab() -> Built:
    """Chen et al., 2017: atrous spatial pyramid pooling."""
    torch.manual_seed(SEED)
    return finished(_DeepLab(), image())


class _Yolo(nn.Module):
    """Two scales of boxes, decoded on a grid and joined."""

    _anchors: Tensor

    def __init__(self) -> None:
        super().__init__()
        act = nn.SiLU()
        self.stem = nn.Sequential(convolution(3, 8, 3, 2), act, convolution(8, 16, 3, 2), act)
        self.bottleneck = Added(nn.Sequential(convolution(16, 8), act, convolution(8, 16, 3), act))
        self.deeper = nn.Sequential(convolution(16, 24, 3, 2), act)
        self.pools = nn.ModuleList(nn.MaxPool2d(5, 1, 2) for _ in range(2))
        self.join = nn.Sequential(convolution(72, 16), act)
        self.heads = nn.ModuleList([nn.Conv2d(32, 3 * 7, 1), nn.Conv2d(16, 3 * 7, 1)])
        self.register_buffer("_anchors", 4 + 10 * torch.rand(2, 3, 1, 1, 2))

    def forward(self, x: Tensor) -> Tensor:
        """An image → N × boxes × (position, size, confidence, two classes)."""
        fine = self.bottleneck(self.stem(x))
        coarse = self.deeper(fine)
        pooled = [coarse]
        for pool in self.pools:
            pooled.append(pool(pooled[-1]))
        coarse = self.join(torch.cat(pooled, 1))
        fine = torch.cat([fine, functional.interpolate(coarse, scale_factor=2.0)], 1)
        first, second = self.heads
        return torch.cat([self._decode(first(fine), 0), self._decode(second(coarse), 1)], 1)

    def _decode(self, raw: Tensor, scale: int) -> Tensor:
        batch, _, height, width = raw.shape
        y = raw.reshape(batch, 3, 7, height, width).permute(0, 1, 3, 4, 2).sigmoid()
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        grid = torch.stack([columns, rows], -1).to(y.dtype)
        place = (2 * y[..., :2] - 0.5 + grid) * (4.0 * 2**scale)
        size = (2 * y[..., 2:4]) ** 2 * self._anchors[scale]
        return torch.cat([place, size, y[..., 4:]], -1).reshape(batch, -1, 7)


def yolo() -> Built:
    """Redmon et al., 2016 on; boxes relative to a grid's cells, pooling pyramids."""
    torch.manual_seed(SEED)
    return finished(_Yolo(), image())


def autoencoder() -> Built:
    """Strided convolutions down, transposed ones up, a narrow dense layer between."""
    torch.manual_seed(SEED)
    return finished(
        nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.LeakyReLU(0.1), nn.Conv2d(8, 16, 3, 2, 1),
            nn.LeakyReLU(0.1), nn.Flatten(), nn.Linear(16 * 64, 12), nn.Linear(12, 16 * 64),
            nn.Unflatten(1, (16, 8, 8)),
            nn.ConvTranspose2d(16, 8, 3, 2, 1, output_padding=1), nn.BatchNorm2d(8), nn.ELU(),
            nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh(),
        ),
        image(),
    )  # fmt: skip
