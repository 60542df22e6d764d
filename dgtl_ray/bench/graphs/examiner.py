"""Examines graphs in a child process: a crash costs one graph."""

from pathlib import Path

import onnx

from dgtl_ray.bench.graphs.outcome import Kind, Outcome
from dgtl_ray.core.child import JsonChild
from dgtl_ray.core.errors import DgtlError

_SERVER = "dgtl_ray.bench.graphs.server"
_LIMIT_S = 120.0
# The first one waits for the child's imports, too.
_START_LIMIT_S = 300.0


class Examiner:
    """Runs `examine` in a child that is started anew after a crash; close it.

    Args:
        folder: Where graphs are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._child: JsonChild | None = None

    def examine(self, model: onnx.ModelProto, name: str) -> Outcome:
        """What becomes of a graph, which is written under that name."""
        file = self._file(name)
        onnx.save(model, file)
        try:
            child = self._ready_child()
            reply = child.ask({"file": str(file)}, _LIMIT_S)
        except DgtlError as error:
            self.close()
            kind = Kind.HANG if "no answer" in str(error) else Kind.CRASH
            return Outcome(kind=kind, why=str(error))
        return Outcome(kind=Kind(reply["kind"]), why=reply["why"])

    def forget(self, name: str) -> None:
        """Remove a graph's file."""
        self._file(name).unlink(missing_ok=True)

    def _ready_child(self) -> JsonChild:
        if self._child is None:
            self._child = JsonChild("the examiner", _SERVER)
            self._child.receive(_START_LIMIT_S)
        return self._child

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.onnx"

    def close(self) -> None:
        """End the child; once more is harmless."""
        if self._child is not None:
            self._child.close()
            self._child = None
