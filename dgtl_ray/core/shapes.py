"""Shapes that a user gives for a network whose file leaves them open."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dgtl_ray.core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """What is given.

    Attributes:
        inputs: The whole shape of an input, by its name.
        dims: The size of a dimension that the file names, by that name.
    """

    inputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    dims: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises `InputError` where a size is not a positive number."""
        given = {**self.inputs, **{name: (size,) for name, size in self.dims.items()}}
        for name, shape in given.items():
            if not all(isinstance(size, int) and size > 0 for size in shape):
                raise InputError(f"{name}={shape}: sizes are whole numbers above 0")

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return bool(self.inputs or self.dims)

    def as_json(self) -> str:
        """As text that `from_json` reads."""
        return json.dumps({"inputs": dict(self.inputs), "dims": dict(self.dims)})

    @classmethod
    def from_json(cls, text: str) -> "Shapes":
        """What `as_json` wrote."""
        read = json.loads(text)
        inputs = {name: tuple(shape) for name, shape in read["inputs"].items()}
        return cls(inputs=inputs, dims=read["dims"])


# The file's own.
AS_IN_FILE = Shapes()


def parse_shapes(shapes: Sequence[str], dims: Sequence[str]) -> Shapes:
    """Shapes from texts such as `image=1,3,224,224`, and sizes from such as `batch=8`.

    Raises:
        InputError: A text is not of that form, or a name comes twice.
    """
    sizes = _parse(dims, "--dim", "batch=8")
    for name, values in sizes.items():
        if len(values) != 1:
            raise InputError(f"--dim {name}: give one size, as in --dim batch=8")
    return Shapes(
        inputs=_parse(shapes, "--shape", "image=1,3,224,224"),
        dims={name: values[0] for name, values in sizes.items()},
    )


def _parse(texts: Sequence[str], option: str, example: str) -> dict[str, tuple[int, ...]]:
    result: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, equals, numbers = text.rpartition("=")
        try:
            sizes = tuple(int(size) for size in numbers.split(",")) if numbers.strip() else ()
        except ValueError:
            equals = ""
        if not (equals and name):
            raise InputError(f"{option} {text!r}: give it as in {option} {example}")
        if name in result:
            raise InputError(f"{option} {name} is given twice")
        result[name] = sizes
    return result
