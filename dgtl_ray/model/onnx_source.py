"""Networks in ONNX files."""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import InputError, MissingExtraError
from dgtl_ray.core.precision import in_bfloat16
from dgtl_ray.core.shapes import AS_IN_FILE, Shapes
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.model.source import Array, NoWayError, random_inputs

try:
    import onnx
except ImportError as error:
    raise MissingExtraError("reading an ONNX file", "onnx") from error

from dgtl_ray.model.onnx_files import has_bfloat16, name_nodes, read_model
from dgtl_ray.model.onnx_reference import OnnxReference, open_model
from dgtl_ray.model.onnx_shapes import fix_shapes, input_specs
from dgtl_ray.model.onnx_simplify import MOST_WAYS, readable, ways_in


class OnnxSource:
    """An ONNX file; inputs whose shapes it leaves open get those that are given.

    Attributes:
        notes: What was assumed of it, and which way it came in, a sentence each.
        way: See `Source`; a number in the order of `ways_in`.
    """

    way = 0

    def __init__(self, path: Path, shapes: Shapes = AS_IN_FILE) -> None:
        self.name = path.stem
        self._path = path
        model = read_model(path)
        if has_bfloat16(model.graph):
            raise InputError(in_bfloat16(str(path)))
        self._model, told = readable(model)
        self._runs_as_file = not told
        name_nodes(self._model.graph)
        self._assumed = (*told, *fix_shapes(str(path), self._model, shapes))
        self.notes = self._assumed
        self._inputs = input_specs(self._model)

    def to_relax(self) -> Any:
        """See `Source`."""
        from dgtl_ray.model.onnx_ops.importer import import_model
        from dgtl_ray.model.onnx_ops.node import UnknownOperatorError

        errors: list[InputError] = []
        for way, (model, note) in enumerate(ways_in(self._model)):
            if way < self.way:
                continue
            try:
                imported = import_model(model, self._inputs)
            except InputError as error:
                errors.append(error)
                if isinstance(error, UnknownOperatorError):
                    break
                continue
            self.notes += _told(note, errors)
            self.way = way
            return imported
        if not errors:
            raise NoWayError(f"{self._path}: there is no other way in")
        raise InputError(f"{self._path}: {errors[0]}") from errors[0]

    def save(self, path: Path) -> None:
        """Write it with its shapes and weights into one file.

        Raises:
            ValueError: It is over 2 GB.
        """
        onnx.save(self._model, path)

    def example_inputs(self, seed: int) -> tuple[Array, ...]:
        """See `Source`."""
        return random_inputs(tuple(self._inputs.values()), seed)

    def own_inputs(self) -> tuple[Array, ...] | None:
        """See `Source`: a file has none."""
        return None

    def reference(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """See `Source`."""
        return self._reference.run(dict(zip(self._inputs, inputs, strict=True)))

    def by_way(self, way: int) -> "OnnxSource":
        """See `Source`."""
        other = copy(self)
        other.way, other.notes = way, self._assumed
        return other

    def other_way(self) -> "OnnxSource | None":
        """See `Source`."""
        return self.by_way(self.way + 1) if self.way + 1 < MOST_WAYS else None

    def instead(self, why: str) -> str:
        """See `Source`."""
        return f"as the file has it, {why}"

    def opened(self) -> "OpenedOnnx":
        """See `Source`."""
        return OpenedOnnx(self.name, self._path, self._model, self._inputs)

    @cached_property
    def _reference(self) -> OnnxReference:
        path = str(self._path) if self._runs_as_file else None
        return OnnxReference(self.name, self._model, path)


def _told(note: str, errors: Sequence[InputError]) -> tuple[str, ...]:
    """What there is to say of the way that was taken, and why no earlier one was."""
    if not errors:
        return (note,) if note else ()
    return (f"{note or 'it came in as the file has it'} (otherwise {errors[0]})",)


class OpenedOnnx(OnnxSource):
    """A network that returns the results of all its nodes."""

    def __init__(self, name: str, path: Path, model: Any, inputs: Mapping[str, TensorSpec]) -> None:
        self.name = name
        self.notes = self._assumed = ()
        self._path = path
        self._inputs = dict(inputs)
        self._model, self.labels = open_model(model)

    @cached_property
    def _reference(self) -> OnnxReference:
        return OnnxReference(self.name, self._model, None)
