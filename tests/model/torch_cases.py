"""Operators imported and run beside torch, many to a network: each compilation takes a second."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
import tvm
from torch import Tensor, nn
from torch.testing._comparison import default_tolerances
from torch.utils import _pytree, dlpack
from tvm import relax

from dgtl_ray.model.torch_ops import import_exported

Case = Callable[..., object]


class _All(nn.Module):
    """Every case's results, one behind the other."""

    def __init__(self, cases: Sequence[Case]) -> None:
        super().__init__()
        self.layers = nn.ModuleList([case for case in cases if isinstance(case, nn.Module)])
        self._cases = cases

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        results = [case(*inputs) for case in self._cases]
        return [part + 0 if part.is_floating_point() else part for part in _tensors(results)]


def imported(module: nn.Module, *inputs: Tensor) -> Any:
    """The network as a relax module."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export's remarks on recurrent layers
        return import_exported(torch.export.export(module.eval(), inputs))


def called(module: Any) -> set[str]:
    """The operators that an imported network calls."""
    values = [b.value for block in module["main"].body.blocks for b in block.bindings]
    return {str(value.op.name) for value in values if hasattr(value, "op")}


def assert_as_in_torch(cases: dict[str, Case], *inputs: Tensor, roundings: int = 1) -> None:
    """Each case, a function of the inputs, gives torch's shapes, dtypes and numbers.

    What torch allows for one operator of a dtype is allowed as often as results are rounded.
    """
    module = _All(list(cases.values())).eval()
    ours = _run(imported(module, *inputs), inputs)
    with torch.no_grad():
        expected = {name: _tensors(case(*inputs)) for name, case in cases.items()}
    remaining = iter(ours)
    for name, tensors in expected.items():
        for tensor in tensors:
            _assert_close(name, next(remaining), tensor, roundings)
    assert not list(remaining)


def _assert_close(name: str, ours: Tensor, theirs: Tensor, roundings: int) -> None:
    def named(text: str) -> str:
        return f"{name}: {text}"

    relative, absolute = default_tolerances(ours, theirs)
    torch.testing.assert_close(
        ours,
        theirs,
        rtol=roundings * relative,
        atol=roundings * absolute,
        equal_nan=True,
        msg=named,
    )


def _tensors(results: object) -> list[Tensor]:
    return [part for part in _pytree.tree_leaves(results) if isinstance(part, Tensor)]


def _run(module: Any, inputs: Sequence[Tensor]) -> list[Tensor]:
    executable = tvm.compile(module, target=tvm.target.Target({"kind": "llvm", "opt-level": 0}))
    machine = relax.VirtualMachine(executable, tvm.cpu())
    outputs = machine["main"](*(tvm.runtime.from_dlpack(x.contiguous()) for x in inputs))
    flat = [outputs] if hasattr(outputs, "numpy") else list(outputs)
    return [dlpack.from_dlpack(part) for part in flat]
