"""Whether a tuned module gives its network's own answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from dgtl_ray.model import Network
from dgtl_ray.model.checking.answers import compare_outputs, own_answers
from dgtl_ray.model.checking.report import OutputCheck

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Verification:
    """How far a module's outputs are from its reference's, by the rule of `core.closeness`.

    Attributes:
        outputs: Each output on each of several inputs.
    """

    outputs: tuple[OutputCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether the module may be used."""
        return all(check.closeness.ok for check in self.outputs)

    @property
    def max_relative_error(self) -> float:
        """Largest of the outputs' errors, each max|y − r| ÷ max|r| over its elements."""
        return max((check.closeness.error for check in self.outputs), default=0.0)

    def fault(self) -> str:
        """What is furthest off, in words; "" where all is right."""
        if self.ok:
            return ""
        worst = max(self.outputs, key=lambda check: check.closeness.excess)
        return f"output {worst.output} on {worst.draw} {worst.closeness.worst}"


def verify(
    module: Callable[..., Array | tuple[Array, ...]], network: Network, *, seed: int = 0
) -> Verification:
    """Compare a compiled or loaded module with the network's own framework on several inputs.

    Raises:
        InputError: The framework cannot run the network, or it has another number of outputs.
    """

    def run(inputs: Sequence[Array]) -> tuple[Array, ...]:
        result = module(*inputs)
        return result if isinstance(result, tuple) else (result,)

    answers, _ = own_answers(network, seed)
    return Verification(outputs=compare_outputs(network, answers, run))
