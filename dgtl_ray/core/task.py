"""A layer task: one fused operator function of a network."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """Shape and element type of one argument."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def size_bytes(self) -> int:
        """Its size, from the bits at the end of its dtype's name (`float32`, `int8`)."""
        bits = int("".join(c for c in self.dtype if c.isdigit()) or 8)
        return math.prod(self.shape) * bits // 8


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a layer finds when its network runs it.

    Attributes:
        other_bytes: Weights and activations of the network's other calls: so many bytes pass
            through the caches between two runs of this one.
        weights: Which of its arguments are weights, by position: nothing else reads them. The
            other arguments are activations, which layers before it wrote or will have read.
    """

    other_bytes: int = 0
    weights: tuple[int, ...] = ()


# Of a task that belongs to no network.
ALONE = Surroundings()


@dataclass(frozen=True, kw_only=True)
class LayerTask:
    """One fused operator function, the unit that is tuned.

    Attributes:
        name: The function's name in the network's module.
        operator: The operator that dominates it: `conv2d`, `depthwise_conv2d`, `dense`, …
        workload_key: Structural hash of the program, hexadecimal.
        weight: How often the network runs it.
        flop: Floating-point operations of one run.
        args: Its arguments, inputs before outputs.
        program: The unscheduled program, as TVM's JSON of a module whose function is `main`.
        network: The network it came from.
        surroundings: What it finds there when it runs.
    """

    name: str
    operator: str
    workload_key: str
    weight: int
    flop: float
    args: tuple[TensorSpec, ...]
    program: str
    network: str
    surroundings: Surroundings = ALONE

    @property
    def bytes_touched(self) -> int:
        """Bytes of all arguments: the least that a run has to move."""
        return sum(spec.size_bytes for spec in self.args)
