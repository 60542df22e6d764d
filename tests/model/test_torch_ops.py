"""Torch's operators, imported, give torch's answers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from dgtl_ray.core.errors import InputError
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.model.checking.checking import check
from tests.model import nets
from tests.model.torch_cases import Case, assert_as_in_torch, called, imported

pytestmark = pytest.mark.slow


def _seeded(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def _in_place(change: Callable[[Tensor], object]) -> Case:
    def changed(x: Tensor) -> Tensor:
        copy = x.clone()
        change(copy)
        return copy

    return changed


INDEXING: dict[str, Case] = {
    "last": lambda x: x[:, -1],
    "last of the first axis": lambda x: x[-1],
    "last of the last axis": lambda x: x[..., -1],
    "select": lambda x: x.select(1, -2),
    "list": lambda x: x[:, [-1, 0]],
    "lists side by side": lambda x: x[[0, -1], [-1, 2]],
    "lists apart": lambda x: x[[0, 1], :, [-1, 2]],
    "lists that broadcast": lambda x: x[:, [[0], [-1]], [1, 2, -3]],
    "a new axis": lambda x: x[:, None, [1, -1]],
    "slices": lambda x: x[:, -3:-1, ::3],
    "set one": _in_place(lambda y: y.__setitem__((slice(None), -1), 5.0)),
    "set a slice": _in_place(lambda y: y.__setitem__((slice(None), slice(1, 3)), y[:, 3:5] * 2)),
    "add to steps": _in_place(lambda y: y[:, ::2, -3:].add_(1)),
    "set where": _in_place(lambda y: y.__setitem__(y > 0.5, 0.0)),
    "set a list": _in_place(lambda y: y.__setitem__((slice(None), [0, -1]), 3.0)),
    "set one element": _in_place(lambda y: y.__setitem__((0, 1, 2), 7.0)),
    "put": lambda x: x.index_put((torch.tensor([0, -1]), torch.tensor([1, 2])), x[:, 0]),
    "add up": lambda x: x.index_put(
        (torch.tensor([0, 0]), torch.tensor([1, 1])), torch.tensor(3.0), accumulate=True
    ),
    "scatter a slice": lambda x: torch.slice_scatter(x, x[:, :2], 1, 2, 6, 2),
    "scatter one": lambda x: torch.select_scatter(x, x[:, 0], 1, -1),
}

ARITHMETIC: dict[str, Case] = {
    "floor": lambda i, _: i // 3,
    "truncate": lambda i, _: torch.div(i, 3, rounding_mode="trunc"),
    "true": lambda i, _: i / 4,
    "remainder": lambda i, _: i % -4,
    "fmod": lambda i, _: torch.fmod(i, 3),
    "a float added": lambda i, _: i + 1.5,
    "floats rounded down": lambda i, _: torch.div(i * 0.5, 2, rounding_mode="floor"),
    "floats cut off": lambda i, _: torch.div(i * 0.5, 2, rounding_mode="trunc"),
    "one through": lambda i, _: 1 / i + torch.reciprocal(i),
    "to integers": lambda i, _: (i * 0.7).int(),
    "shifted": lambda i, _: (i << 2) + (i >> 1),
    "compared with a float": lambda i, _: i >= 2.5,
    "function of integers": lambda i, _: torch.sigmoid(i) + torch.exp(i * 0.1),
    "scaled": lambda i, x: torch.add(x, i, alpha=2) - torch.sub(x, i, alpha=0.5),
    "selu": lambda _, x: F.selu(x) + F.celu(x, 0.7) + F.elu(x, 0.5),
    "mixed floats": lambda _, x: x.half() + x,
    "chosen": lambda i, x: torch.where(i > 2, x, 0) + torch.heaviside(x, torch.tensor(0.5)),
    "known beforehand": lambda _, x: x + torch.tril_indices(2, 2)[:, :3] + torch.hann_window(3),
}


def test_parts_of_tensors() -> None:
    assert_as_in_torch(INDEXING, _seeded(2, 6, 8))


def test_arithmetic_of_mixed_dtypes() -> None:
    assert_as_in_torch(ARITHMETIC, torch.tensor([[3, -7, 5], [-2, 8, 11]]), _seeded(2, 3))


RESIZED: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "one axis": ((1, 2, 7), ("nearest", "linear")),
    "two axes": ((1, 2, 5, 7), ("nearest", "nearest-exact", "bilinear", "bicubic")),
    "three axes": ((1, 1, 3, 4, 5), ("nearest", "trilinear")),
}


def _resizing(mode: str, axes: int) -> dict[str, Case]:
    sizes: list[dict[str, Any]] = [{"scale_factor": factor} for factor in (2.0, 2.5, 0.4)]
    sizes += [{"size": size[:axes]} for size in ((11, 9, 7), (3, 3, 2))]
    aligned = [None] if "nearest" in mode else [False, True]
    return {
        f"{mode} {size} {corners}": lambda x, s=size, c=corners: F.interpolate(
            x, mode=mode, align_corners=c, **s
        )
        for size in sizes
        for corners in aligned
    }


@pytest.mark.parametrize("axes", RESIZED)
def test_interpolation(axes: str) -> None:
    shape, modes = RESIZED[axes]
    cases: dict[str, Case] = {}
    for mode in modes:
        cases.update(_resizing(mode, len(shape) - 2))
    if axes == "two axes":
        for mode in ("bilinear", "bicubic"):
            for size in ((3, 4), (8, 10)):
                cases[f"{mode} antialias {size}"] = lambda x, m=mode, s=size: F.interpolate(
                    x, s, mode=m, antialias=True
                )
    assert_as_in_torch(cases, _seeded(*shape))


COPIES: dict[str, Case] = {
    "of every axis": lambda x: x.repeat(1, 2, 3),
    "along new axes": lambda x: x.repeat(2, 1, 1, 1, 2),
    "along the last axis": lambda x: x.tile(3),
    "of one": lambda x: x[:, :1].repeat(1, 70, 1),
    "in stages": lambda x: x.repeat(70, 1, 1),
    "as it is": lambda x: x.repeat(1, 1, 1),
}


def test_copies() -> None:
    assert_as_in_torch(COPIES, _seeded(2, 6, 8))


def test_copies_of_every_axis_are_right_on_this_processor() -> None:
    """Of a shape for which indices that are divided were compiled wrongly."""
    module, x = nets.Wired(lambda _layers, x: x.repeat(7, 6, 4, 2)), _seeded(2, 3, 4, 5)
    assert "relax.tile" not in called(imported(module, x))
    network = load_network(module, parse_target("cpu"), example_inputs=x)
    assert check(network, name_culprit=False).ok
    assert network.source.way == 0


REDUCTIONS: dict[str, Case] = {
    "all of it": lambda x: [x.sum(), x.max(), x.min(), x.mean(), x.amax(), x.prod()],
    "truth": lambda x: [(x > 2).any(), (x > -9).all(), (x > 1).any(1), (x > 0).all(-1, True)],
    "extremes": lambda x: [x.amax((1, 2)), x.amin(1, True), torch.aminmax(x, dim=1)],
    "with places": lambda x: [x.max(1), x.min(1, keepdim=True), x.argmax(), x.argmin(-1)],
    "log sum exp": lambda x: [x.logsumexp(1), x.logsumexp((1, 2), True)],
    "variance": lambda x: [x.var(-1), x.var(), x.var((0, 2), correction=2, keepdim=True)],
    "deviation": lambda x: [x.std(1), x.std(1, unbiased=False), torch.std_mean(x, (1, 2))],
    "counts": lambda x: [torch.count_nonzero(x > 0, dim=1), (x > 0).sum(1)],
    "products": lambda x: [x.prod(1), x.cumsum(1), x.cumprod(-1)],
    "norms": lambda x: [x.norm(), x.norm(1, dim=1), F.normalize(x)],
}

IMAGES: dict[str, Case] = {
    "7 of 13": nn.AdaptiveAvgPool2d((7, 5)),
    "more than there are": nn.AdaptiveAvgPool2d((14, 20)),
    "the largest of 7": nn.AdaptiveMaxPool2d((7, 2)),
    "the largest": nn.AdaptiveMaxPool2d(1),
    "a divisor": nn.AvgPool2d(3, 2, 1, divisor_override=2),
    "a divisor, rounded up": nn.AvgPool2d(2, 2, ceil_mode=True, divisor_override=3),
    "instance norm": nn.InstanceNorm2d(2, affine=True),
    "group norm": nn.GroupNorm(2, 2, affine=False),
    "batch norm of the batch": nn.BatchNorm2d(2, track_running_stats=False),
    "pixels apart": nn.PixelUnshuffle(1),
    "unfold": nn.Unfold(3, padding=1, stride=2),
    "unfold and fold": lambda x: F.fold(F.unfold(x, 2), x.shape[2:], 2),
    "rolled": lambda x: x.roll((1, -2), (2, 3)),
    "windows": lambda x: x.unfold(2, 3, 2),
}


def test_reductions() -> None:
    assert_as_in_torch(REDUCTIONS, _seeded(2, 6, 8))


def test_pooling_norms_and_windows() -> None:
    assert_as_in_torch(IMAGES, _seeded(1, 2, 9, 13))


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_grid_sample(mode: str) -> None:
    cases: dict[str, Case] = {
        f"{padding} {aligned}": lambda x, g, p=padding, a=aligned: F.grid_sample(
            x, g, mode=mode, padding_mode=p, align_corners=a
        )
        for padding in ("zeros", "border", "reflection")
        for aligned in (False, True)
    }
    grid = torch.rand(1, 4, 3, 2, generator=torch.Generator().manual_seed(1)) * 2.6 - 1.3
    assert_as_in_torch(cases, _seeded(1, 2, 5, 6), grid)


SEQUENCES: dict[str, Case] = {
    "LSTM": nn.LSTM(8, 5, 2, bidirectional=True, batch_first=True),
    "GRU": nn.GRU(8, 5, bias=False),
    "RNN": nn.RNN(8, 5, nonlinearity="relu", batch_first=True),
    "last step": lambda x: x.cumsum(1)[:, -1],
    "attention": lambda x: F.scaled_dot_product_attention(x, x + 1, x, is_causal=True),
    "attention where a mask allows": lambda x: F.scaled_dot_product_attention(
        x, x + 1, x, attn_mask=torch.arange(3) < 2
    ),
    "attention with biases": lambda x: F.scaled_dot_product_attention(
        x, x + 1, x, attn_mask=torch.arange(9.0).reshape(3, 3) / 9, scale=0.3
    ),
    "products": lambda x: [
        torch.einsum("bij,bkj->bik", x, x + 1),
        torch.einsum("bij,bkl->jl", x, x),
        torch.einsum("...ij->...ji", x),
    ],
    "root mean square": nn.RMSNorm(8),
    "encoder": nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
}


def test_sequences() -> None:
    torch.manual_seed(0)
    assert_as_in_torch(SEQUENCES, _seeded(2, 3, 8))


NARROW: dict[str, Callable[[], nn.Module]] = {
    "images": lambda: nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.ReLU(), nn.AvgPool2d(2)
    ),
    "rows": lambda: nn.Sequential(
        nn.Linear(8, 8), nn.LayerNorm(8), nn.GELU(), nn.RMSNorm(8), nn.Softmax(-1)
    ),
}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", NARROW)
def test_narrow_floats(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    module = NARROW[name]().eval()
    assert_as_in_torch({name: module.to(dtype)}, _seeded(1, 2, 8, 8).to(dtype), roundings=5)


def test_half_precision_is_kept() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 2, 2, 2), nn.Linear(12, 5)]
    module = nn.Sequential(*layers).half()
    main = imported(module, _seeded(1, 3, 8, 8).half())["main"]
    assert str(main.body.ty.dtype) == "float16"


class _Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn(x.shape)


class _Transformed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        spectrum: Tensor = torch.fft.fft(x).real
        return spectrum


def test_random_numbers_are_refused_by_name() -> None:
    message = r"answers change from run to run: aten\.randn \(test_torch_ops\.py:\d+\)"
    with pytest.raises(InputError, match=message):
        imported(_Noisy(), _seeded(2, 3))


def test_what_cannot_be_imported_is_named_with_its_place() -> None:
    module = nn.Sequential(nn.Linear(3, 3), _Transformed())
    message = r"no support for the operators aten\._fft_r2c \(test_torch_ops\.py:\d+, module 1\)"
    with pytest.raises(InputError, match=message):
        imported(module, _seeded(2, 3))


def test_shapes_that_depend_on_the_data_are_refused_by_name() -> None:
    class Chosen(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[x > 0].sum()

    with pytest.raises(InputError, match=r"aten\.\w+ \(test_torch_ops\.py:\d+"):
        imported(Chosen(), _seeded(2, 3))


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU])
def test_recurrent_layers_are_lowered(make: Callable[..., nn.Module]) -> None:
    """Their gates are the parts of one split."""

    class LastStep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.steps = make(4, 3, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.steps(x)[0][:, -1]
            return result

    network = load_network(LastStep(), parse_target("cpu"), example_inputs=torch.randn(1, 4, 4))
    assert check(network, name_culprit=False).ok
