"""Which operators stay whole when an exported network is taken apart."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch

_aten = torch.ops.aten

# Of these torch's own decomposition gathers with index tensors, or unrolls what we do in one go.
_WHOLE = (
    _aten.upsample_nearest1d,
    _aten.upsample_nearest2d,
    _aten.upsample_nearest3d,
    _aten._upsample_nearest_exact1d,  # noqa: SLF001
    _aten._upsample_nearest_exact2d,  # noqa: SLF001
    _aten._upsample_nearest_exact3d,  # noqa: SLF001
    _aten.upsample_linear1d,
    _aten.upsample_bilinear2d,
    _aten.upsample_trilinear3d,
    _aten.upsample_bicubic2d,
    _aten._upsample_bilinear2d_aa,  # noqa: SLF001
    _aten._upsample_bicubic2d_aa,  # noqa: SLF001
    _aten.slice_scatter,
    _aten.select_scatter,
)


# Of these TVM has no converter, and torch knows how to make them of others.
_APART: tuple[Any, ...] = (
    _aten.heaviside,
    _aten._trilinear,  # noqa: SLF001
)


def decompose(exported: Any) -> Any:
    """An exported network in the operators that the importer takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's remarks on its own deprecated calls
        return exported.run_decompositions(_table())


def _table() -> dict[Any, Callable[..., Any]]:
    table: Any = torch.export.default_decompositions()
    for operator in _overloads(_WHOLE):
        table.pop(operator, None)
    known = torch._decomp.decomposition_table  # noqa: SLF001
    for operator in _overloads(_APART):
        if operator in known:
            table[operator] = known[operator]
    return table  # type: ignore[no-any-return]


def _overloads(packets: tuple[Any, ...]) -> Iterator[Any]:
    for packet in packets:
        yield from (getattr(packet, name) for name in packet.overloads())
