"""A layer task: one fused operator function of a network."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """Shape and element type of one argument."""

    shape: tuple[int, ...]
    dtype: str


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
    """

    name: str
    operator: str
    workload_key: str
    weight: int
    flop: float
    args: tuple[TensorSpec, ...]
    program: str
    network: str

    @property
    def bytes_touched(self) -> int:
        """Bytes of all arguments: the least that a run has to move."""
        return sum(_size_bytes(spec) for spec in self.args)


def _size_bytes(spec: TensorSpec) -> int:
    """Size of a tensor, from the bits at the end of its dtype's name (`float32`, `int8`)."""
    bits = int("".join(c for c in spec.dtype if c.isdigit()) or 8)
    count = 1
    for extent in spec.shape:
        count *= extent
    return count * bits // 8
