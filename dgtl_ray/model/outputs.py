"""What a torch network returns, whatever its structure."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor


def flat_tensors(outputs: Any) -> Iterator[Tensor]:
    """The tensors of a network's output, in the order of its structure."""
    if isinstance(outputs, Tensor):
        yield outputs
    else:
        for part in outputs.values() if isinstance(outputs, Mapping) else outputs:
            yield from flat_tensors(part)
