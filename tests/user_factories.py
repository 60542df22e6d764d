"""Torch networks as new users bring them, as `package.module:factory` finds them; tiny."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

Factory = tuple[nn.Module, tuple[Tensor, ...]]


class Formula(nn.Module):
    """Layers, and what a function makes of them and the inputs."""

    def __init__(self, formula: Callable[..., Any], *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self._formula = formula

    def forward(self, *inputs: Tensor) -> Any:
        return self._formula(self.layers, *inputs)


def _images(*layers: nn.Module, size: int = 8) -> Factory:
    return nn.Sequential(*layers), (torch.randn(1, 3, size, size),)


def _of(formula: Callable[..., Any], *shape: int) -> Factory:
    """A function of an image or of rows, behind no layer."""
    return Formula(lambda _layers, x: formula(x)), (torch.randn(*shape),)


def _behind(formula: Callable[[Tensor], Any], *shape: int) -> Factory:
    """A function of a dense layer's output."""
    dense = nn.Linear(shape[-1], 8)
    return Formula(lambda layers, x: formula(layers[0](x)), dense), (torch.randn(*shape),)


def last_step() -> Factory:
    """What sequence classifiers take of their last layer."""
    return _behind(lambda y: (y[:, -1], y[-1], y[..., -1], y.select(1, -2), y[:, [-1, 0]]), 2, 6, 8)


def conv_then_convtranspose() -> Factory:
    return _images(nn.Conv2d(3, 4, 3, padding=1), nn.ConvTranspose2d(4, 2, 2, 2))


def unet() -> Factory:
    def wire(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
        down, low, up, head = layers
        fine = torch.relu(down(x))
        deep = up(torch.relu(low(F.max_pool2d(fine, 2))))
        result: Tensor = head(torch.cat([fine, deep], 1))
        return result

    layers = (
        nn.Conv2d(3, 4, 3, padding=1),
        nn.Conv2d(4, 8, 3, padding=1),
        nn.ConvTranspose2d(8, 4, 2, 2),
        nn.Conv2d(8, 2, 1),
    )
    return Formula(wire, *layers), (torch.randn(1, 3, 8, 8),)


def spread() -> Factory:
    """Variances, and deviations of instances."""
    return _behind(lambda y: (y.var(-1), y.std(0), F.instance_norm(y[None])), 4, 8)


def demodulated() -> Factory:
    def wire(layers: Sequence[nn.Module], x: Tensor, style: Tensor) -> Tensor:
        (convolution,) = layers
        weight = convolution.weight * style[:, None, :, None, None]  # type: ignore[operator]
        weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        return F.conv2d(x, weight[0], padding=1)

    return Formula(wire, nn.Conv2d(3, 4, 3)), (torch.randn(1, 3, 6, 6), torch.rand(1, 3) + 0.5)


def normed_channels() -> Factory:
    norm = nn.LayerNorm([4, 6, 6])
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), norm), (torch.randn(1, 3, 6, 6),)


def over_all_axes() -> Factory:
    return _behind(lambda y: (y.sum(), y.max(), y.mean()), 4, 8)


def assignment() -> Factory:
    def assign(y: Tensor) -> Tensor:
        changed = y.clone()
        changed[1:3, ::2] = 2 * y[:2, 1::2]
        return changed

    return _behind(assign, 4, 8)


def scatter() -> Factory:
    places = torch.arange(7, -1, -1).repeat(4, 1)
    return _behind(lambda y: torch.relu(torch.scatter(y, 1, places, y)), 4, 8)


def refused_by_tvm() -> Factory:
    """Operators that TVM's own importer does not take."""
    pool = nn.AdaptiveAvgPool2d(7)
    return _of(
        lambda x: (
            pool(x),
            F.interpolate(x.flatten(2), scale_factor=2, mode="linear"),
            x.logsumexp(1),
            x.amax((2, 3)),
        ),
        *(1, 3, 13, 13),
    )


def grid_sample() -> Factory:
    network = Formula(lambda _layers, x, grid: F.grid_sample(x, grid, align_corners=False))
    return network, (torch.randn(1, 2, 6, 6), torch.rand(1, 4, 4, 2) * 2 - 1)


def resampled() -> Factory:
    """Wrong numbers once: scales that are no whole numbers, antialiasing, a divisor."""
    pool = nn.AvgPool2d(2, divisor_override=3)
    return _of(
        lambda x: (
            F.interpolate(x, scale_factor=2.5, mode="bilinear"),
            F.interpolate(x, scale_factor=1.5),
            F.interpolate(x, (4, 4), mode="bilinear", antialias=True),
            pool(x),
        ),
        *(1, 2, 6, 6),
    )


def recurrent() -> Factory:
    layers = (nn.LSTM(8, 4, batch_first=True), nn.GRU(8, 4), nn.RNN(8, 4, bidirectional=True))
    network = Formula(lambda layers, x: [layer(x)[0][:, -1] for layer in layers], *layers)
    return network, (torch.randn(2, 3, 8),)


def dropout_on() -> Factory:
    return _behind(lambda y: F.dropout(y, 0.5, training=True), 4, 8)


def noise() -> Factory:
    return _behind(lambda y: y + torch.randn(y.shape), 4, 8)


def masked() -> Factory:
    return _behind(lambda y: (y.masked_fill(torch.arange(8) > 6, -torch.inf), y.log()), 4, 8)


def nothing_beside() -> Factory:
    return _behind(lambda y: (y, None), 4, 8)


def nested() -> Any:
    network = Formula(lambda layers, a, b: {"y": layers[0](a) + b, "more": [a]}, nn.Linear(8, 8))
    return network, (torch.randn(4, 8), torch.randn(4, 8))


class Asking(nn.Module):
    """Takes keywords, one of them a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(8, 8)

    def forward(self, *, rows: Tensor, more: dict[str, Tensor]) -> dict[str, Any]:
        return {"y": self.dense(rows) + more["bias"], "parts": (rows, [rows + 1])}


def keywords() -> Any:
    return Asking(), {"rows": torch.randn(4, 8), "more": {"bias": torch.randn(8)}}


def half() -> Factory:
    return nn.Conv2d(3, 4, 3).half(), (torch.randn(1, 3, 8, 8).half(),)


def bfloat16() -> Factory:
    return nn.Linear(8, 4).bfloat16(), (torch.randn(2, 8).bfloat16(),)


def parts() -> Factory:
    """An output whose second half is a thousand times smaller than its first."""
    return _behind(lambda y: torch.cat([1000 * y, torch.tanh(y)], 1), 4, 8)


def indices() -> Any:
    return nn.Sequential(nn.Embedding(50, 8), nn.Linear(8, 4)), torch.zeros(1, 64).long()


def _rows(formula: Callable[..., Tensor], *shape: int) -> Any:
    """What a function makes of a table of fifty rows and of indices into it."""
    return Formula(formula, nn.Embedding(50, 4)), torch.zeros(shape).long()


def counted_rows() -> Any:
    """By indices that may count from the end."""
    return _rows(lambda layers, ids: layers[0].weight[ids], 1, 64)


def shifted_rows() -> Any:
    return _rows(lambda layers, ids: layers[0](ids + 1), 1, 64)


class Fields(nn.Module):
    """Columns that share one table, each with rows of its own."""

    offsets: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("offsets", torch.tensor([0, 20, 30]))
        self.table = nn.Embedding(50, 4)

    def forward(self, ids: Tensor) -> Tensor:
        result: Tensor = self.table(ids + self.offsets)
        return result


def offset_rows() -> Any:
    return Fields(), torch.zeros(16, 3).long()


def rows_of_floats() -> Any:
    network, _ = _rows(lambda layers, x: layers[0](x[:, 0].long()) + x[:, 1:])
    return network, torch.rand(64, 5)


def rows_by_tenths() -> Any:
    """Only numbers from 0 to 5 look rows up, and nothing in the graph says so."""
    network, _ = _rows(lambda layers, x: layers[0]((x * 10).long()))
    return network, torch.rand(64)


def in_place() -> Factory:
    """Writes into its input."""
    return _of(lambda x: x.sub_(0.5) * 2, 4, 8)
