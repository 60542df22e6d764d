"""A sketch: one way of scheduling a task, a product of knobs."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.knobs import Knob, KnobKind
from dgtl_ray.space.nest import Extents, Nest

Logs = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class RegisterLimits:
    """What an algorithm's innermost product must keep to; all 0 where nothing is known of it.

    Attributes:
        lanes: Numbers of a vector.
        registers: Vectors that fit registers.
        least_parts: Iterations of the parallel loop, at least.
    """

    lanes: int = 0
    registers: int = 0
    least_parts: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Sketch:
    """One way of computing a task, its choices left open: TVM's rules', or another algorithm's.

    Attributes:
        knobs: The choices, in the order of the trace.
        nest: The loops that it tiles.
        tiles: For each axis of the nest the knob that splits it, -1 where none does.
        instructions: The trace without its decisions, as JSON; of an algorithm of our own an
            object with its name (`algorithm`) and whatever else is fixed.
        write_level: The tile level whose end writes the results back into the epilogue; -1 where
            the epilogue is a pass of its own.
        stages: Copies of each shared buffer that a software pipeline holds; 1 without one.
        thread_range: Least and greatest threads per block that the trace asks for; (0, 0) where
            it asks for nothing.
        rfactor: The part of a split reduction that runs over partial results, 0 or 1; -1 where
            no reduction is split so.
        homes: For each axis the tile level where it lies whole if no knob splits it, -1 where the
            nest says so; empty: everywhere.
        workload: The loops of the task, where the nest is another algorithm's.
        register_limits: Of an algorithm's innermost product.
    """

    knobs: tuple[Knob, ...]
    nest: Nest
    tiles: tuple[int, ...]
    instructions: str
    write_level: int = -1
    stages: int = 1
    thread_range: tuple[int, int] = (0, 0)
    rfactor: int = -1
    homes: tuple[int, ...] = ()
    workload: Nest | None = None
    register_limits: RegisterLimits = RegisterLimits()

    @cached_property
    def choices(self) -> IntArray:
        """(knobs,): how many values each knob takes."""
        return np.array([len(knob) for knob in self.knobs], dtype=np.int32)

    @property
    def size(self) -> int:
        """Configurations before constraints; exact."""
        return prod(len(knob) for knob in self.knobs)

    @cached_property
    def algorithm(self) -> str:
        """Name of the algorithm of our own, "" of TVM's rearrangements of the program."""
        instructions = json.loads(self.instructions)
        return str(instructions["algorithm"]) if isinstance(instructions, dict) else ""

    @cached_property
    def tiled(self) -> bool:
        """Every axis of its nest has a tile of its own, or a level."""
        homes = self.homes or (-1,) * len(self.tiles)
        return all(max(tile, home) >= 0 for tile, home in zip(self.tiles, homes, strict=True))

    @cached_property
    def level_extents(self) -> tuple[Extents, ...]:
        """For each axis (levels × choices): the extent of each tile level."""
        return tuple(self._axis_levels(index) for index in range(len(self.nest.axes)))

    @cached_property
    def inner_extents(self) -> tuple[Extents, ...]:
        """For each axis (levels × choices): the product of a level and all inside it."""
        return tuple(np.cumprod(e[::-1], axis=0)[::-1].copy() for e in self.level_extents)

    @cached_property
    def log_extents(self) -> tuple[Logs, ...]:
        """log2 of `level_extents`."""
        return tuple(np.log2(extents).astype(np.float32) for extents in self.level_extents)

    @cached_property
    def log_inner_extents(self) -> tuple[Logs, ...]:
        """log2 of `inner_extents`."""
        return tuple(np.log2(extents).astype(np.float32) for extents in self.inner_extents)

    @cached_property
    def zero_bits(self) -> tuple[Logs, ...]:
        """For each axis (levels × choices): log2 of the greatest power of two in the extent."""
        return tuple(np.log2(e & -e).astype(np.float32) for e in self.level_extents)

    def knob_index(self, name: str) -> int:
        """Position of the knob of this name, -1 where the sketch has none."""
        return next((i for i, knob in enumerate(self.knobs) if knob.name == name), -1)

    def schedule(self, choices: IntArray) -> str:
        """The trace with the decisions (knobs,) put in, as JSON text."""
        decisions = [
            [knob.instruction, knob.decision(int(choice))]
            for knob, choice in zip(self.knobs, choices, strict=True)
        ]
        return f"[{self.instructions}, {json.dumps(decisions)}]"

    def same_knobs(self, other: "Sketch") -> bool:
        """A row of one is a row of the other: the same names and tables."""
        mine, theirs = ([_signature(knob) for knob in s.knobs] for s in (self, other))
        return mine == theirs

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "knobs": [knob.as_dict() for knob in self.knobs],
            "nest": self.nest.as_dict(),
            "tiles": list(self.tiles),
            "instructions": self.instructions,
            "write_level": self.write_level,
            "stages": self.stages,
            "thread_range": list(self.thread_range),
            "rfactor": self.rfactor,
            "homes": list(self.homes),
            "workload": self.workload.as_dict() if self.workload else None,
            "register_limits": asdict(self.register_limits),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Sketch":
        """The sketch that `as_dict` wrote."""
        low, high = data["thread_range"]
        workload = data.get("workload")
        return cls(
            knobs=tuple(Knob.from_dict(item) for item in data["knobs"]),
            nest=Nest.from_dict(data["nest"]),
            tiles=tuple(data["tiles"]),
            instructions=data["instructions"],
            write_level=data["write_level"],
            stages=data["stages"],
            thread_range=(low, high),
            rfactor=data["rfactor"],
            homes=tuple(data.get("homes", ())),
            workload=Nest.from_dict(workload) if workload else None,
            register_limits=RegisterLimits(**data.get("register_limits", {})),
        )

    def _axis_levels(self, index: int) -> Extents:
        axis, tile = self.nest.axes[index], self.tiles[index]
        levels = self.nest.levels_of(axis)
        if tile < 0:
            extents = np.ones((len(self.nest.levels), 1), dtype=np.int64)
            home = self.homes[index] if self.homes else -1
            extents[home if home >= 0 else self.nest.home_level(index)] = axis.extent
            return extents
        table = self.knobs[tile].table
        extents = np.ones((len(self.nest.levels), len(table)), dtype=np.int64)
        # A tile of fewer parts than the nest has levels (a split reduction) fills the outer ones.
        extents[list(levels[: table.shape[1]])] = table.T
        return extents


def _signature(knob: Knob) -> tuple[str, KnobKind, tuple[int, ...], tuple[int, ...]]:
    return knob.name, knob.kind, knob.shape, knob.values
