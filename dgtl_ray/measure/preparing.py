"""Prepares weights: brings them into the form in which scheduled programs read them.

It runs on the host, whatever the target is, once for each weight.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray

from dgtl_ray.space.sketches.scheduled import spec_of

Array = NDArray[Any]

# Of no CPU in particular: weights may be prepared on another machine than they are used on.
_HOST = {"kind": "llvm"}
_LEAN = {"tirx.disable_assert": True}


class Preparer:
    """Functions that prepare weights (`Preparation.function`), compiled when first used."""

    def __init__(self, functions: Sequence[Any]) -> None:
        self._functions = tuple(functions)

    def prepare(self, number: int, weight: Any) -> Array:
        """What function `number` makes of a weight, which is one of TVM's tensors on the host."""
        spec = spec_of(self._functions[number].params[1])
        prepared = tvm.runtime.empty(spec.shape, spec.dtype)
        self._library[_name(number)](weight, prepared)
        return np.from_dlpack(prepared)

    @cached_property
    def _library(self) -> Any:
        named = {_name(k): _named(f, _name(k)) for k, f in enumerate(self._functions)}
        with tvm.transform.PassContext(opt_level=3, config=_LEAN):
            return tvm.compile(tvm.IRModule(named), target=_HOST).jit()


def _name(number: int) -> str:
    return f"prepare_{number}"


def _named(function: Any, name: str) -> Any:
    return function.with_attr("global_symbol", name)
