"""Whether a compiled network gives its reference's answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.errors import DeployError
from dgtl_ray.model import Network

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Verification:
    """How far a module's outputs are from its reference's.

    Attributes:
        max_relative_error: Largest of the outputs' errors, each max|y − r| / max|r| over its
            elements: y the module's, r the reference's. Infinite where y or r is not finite.
        tolerance: The largest error that passes.
    """

    max_relative_error: float
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether the module may be used."""
        return self.max_relative_error <= self.tolerance


def verify(
    module: Callable[..., Array | tuple[Array, ...]],
    network: Network,
    *,
    rtol: float = 1e-3,
    seed: int = 0,
) -> Verification:
    """Compare a compiled or loaded module with the network's own framework on example inputs.

    Raises:
        DeployError: The module's outputs have other shapes than the reference's.
    """
    inputs = network.example_inputs(seed)
    result = module(*inputs)
    outputs = result if isinstance(result, tuple) else (result,)
    references = network.reference(inputs)
    shapes, expected = ([array.shape for array in arrays] for arrays in (outputs, references))
    if shapes != expected:
        raise DeployError(f"the module's outputs have shapes {shapes}, the reference's {expected}")
    errors = map(relative_error, outputs, references)
    return Verification(max_relative_error=max(errors, default=0.0), tolerance=rtol)


def relative_error(output: Array, reference: Array) -> float:
    """max|y − r| / max|r|; infinite where y or r is not finite, or r all zero and y not."""
    if not (np.isfinite(output).all() and np.isfinite(reference).all()):
        return float("inf")
    difference = float(np.abs(output.astype(float) - reference.astype(float)).max(initial=0.0))
    if difference == 0.0:
        return 0.0
    scale = float(np.abs(reference.astype(float)).max(initial=0.0))
    return difference / scale if scale else float("inf")
