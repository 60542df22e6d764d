"""What a torch network returns, whatever its structure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor

from dgtl_ray.core.errors import InputError


def flat_tensors(outputs: Any) -> Iterator[Tensor]:
    """The tensors of a network's output, in the order of its structure.

    None and plain values beside them are left out: nothing computes them.

    Raises:
        InputError: There is something else.
    """
    if isinstance(outputs, Tensor):
        yield outputs
    elif outputs is not None and not isinstance(outputs, bool | int | float | str):
        if not isinstance(outputs, Iterable):
            raise InputError(f"outputs must be tensors, not {type(outputs).__name__}")
        for part in outputs.values() if isinstance(outputs, Mapping) else outputs:
            yield from flat_tensors(part)
