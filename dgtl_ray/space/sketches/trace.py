"""TVM's trace as plain JSON, and what its instructions say about the knobs."""

import json
from dataclasses import dataclass
from typing import Any

from tvm import tirx

Instruction = tuple[str, list[Any], list[Any], list[Any]]

TILE = "SamplePerfectTile"
CATEGORICAL = "SampleCategorical"
LOCATION = "SampleComputeLocation"


@dataclass(frozen=True, kw_only=True)
class SketchTrace:
    """A sketch's instructions, each (kind, inputs, attributes, outputs), and one set of decisions.

    `decisions` maps the position of a sampling instruction to what TVM drew for it.
    """

    instructions: tuple[Instruction, ...]
    decisions: dict[int, Any]

    @classmethod
    def of(cls, trace: Any) -> "SketchTrace":
        """Read TVM's trace."""
        instructions, decisions = json.loads(json.dumps(trace.as_json(), default=_plain))
        return cls(
            instructions=tuple((k, i, a, o) for k, i, a, o in instructions),
            decisions=dict(decisions),
        )

    def text(self) -> str:
        """The instructions as JSON."""
        return json.dumps(self.instructions)

    def schedule(self, decisions: dict[int, Any]) -> str:
        """The trace with other decisions, as JSON text."""
        return f"[{self.text()}, {json.dumps(sorted(decisions.items()))}]"

    def positions(self, kind: str) -> list[int]:
        """Where instructions of a kind are."""
        return [at for at, instruction in enumerate(self.instructions) if instruction[0] == kind]

    def user_of(self, variable: str) -> Instruction | None:
        """The first instruction that takes a variable, None where nothing does."""
        return next((step for step in self.instructions if variable in step[1]), None)

    def block_name(self, variable: str) -> str:
        """Name of the block a variable stands for, the variable's own where it is a new block."""
        for kind, _, attributes, outputs in self.instructions:
            if kind == "GetSBlock" and variable in outputs:
                return str(attributes[0])
        return variable

    def annotations(self, key: str) -> list[Any]:
        """Every value that the trace annotates under a key."""
        return [
            inputs[1]
            for kind, inputs, attributes, _ in self.instructions
            if kind == "Annotate" and attributes == [key]
        ]


def _plain(value: Any) -> Any:
    """TVM's boxed numbers and containers as Python's."""
    if isinstance(value, tirx.IntImm):
        return int(value)
    if isinstance(value, tirx.FloatImm):
        return float(value)
    return list(value)
