"""What fits a CPU's registers."""

from dataclasses import dataclass
from itertools import product

import tvm
from tvm.target import codegen


@dataclass(frozen=True, kw_only=True)
class CpuShape:
    """What register tiling must know of a CPU: float32 lanes of a vector, and vector registers."""

    lanes: int
    registers: int

    @classmethod
    def of(cls, target: tvm.target.Target) -> "CpuShape":
        """The shape of a target's CPU, from the features that LLVM knows it to have."""
        if target.kind.name != "llvm":
            return cls(lanes=4, registers=16)
        if codegen.llvm_cpu_has_features("avx512f", target):
            return cls(lanes=16, registers=32)
        if codegen.llvm_cpu_has_features("avx", target):
            return cls(lanes=8, registers=16)
        return cls(lanes=4, registers=32 if codegen.llvm_cpu_has_features("neon", target) else 16)


def tile_shape(rows: int, columns: int, cpu: CpuShape) -> tuple[int, int, int]:
    """(rows, vectors a row, lanes a vector) of the tile that uses each loaded value most often.

    A step of the reduction loads one vector for each column of the tile and broadcasts one value
    for each of its rows; both and the tile itself have to fit the registers.
    """
    lanes = vector_factor(columns, cpu.lanes)
    shapes = product(_divisors(rows, cpu.registers), _divisors(columns // lanes, cpu.registers))
    fitting = [(r, v) for r, v in shapes if r * v + v + 1 <= cpu.registers]
    row_tile, vectors = max(fitting, key=lambda s: s[0] * s[1] / (s[0] + s[1]))
    return row_tile, vectors, lanes


def vector_factor(extent: int, lanes: int) -> int:
    """Lanes to use along an axis: the largest power of two that divides it, or any divisor."""
    power = max(d for d in _divisors(extent, lanes) if d & (d - 1) == 0)
    return power if power > 1 else _divisors(extent, lanes)[-1]


def _divisors(extent: int, limit: int) -> list[int]:
    return [d for d in range(1, min(extent, limit) + 1) if extent % d == 0]
