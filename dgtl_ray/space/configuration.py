"""One configuration as JSON that people read: `{"sketch": 1, "tile yy": [1, 2, 14, 2], …}`.

One of an algorithm of our own names that in place of the sketch's number, which only TVM's have:
`{"algorithm": "winograd 4", "tile tiles": [14, 1, 1, 14], …}`.
"""

import json
from typing import Any

import numpy as np

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.sketch import Sketch


def write_configuration(index: int, sketch: Sketch, choices: IntArray) -> str:
    """The configuration `choices` (knobs,) of the sketch at `index`."""
    chosen = {
        knob.name: knob.value(int(choice))
        for knob, choice in zip(sketch.knobs, choices, strict=True)
    }
    named = {"algorithm": sketch.algorithm} if sketch.algorithm else {"sketch": index}
    return json.dumps({**named, **chosen})


def names_algorithm(text: str) -> bool:
    """Whether a configuration is one of an algorithm of our own."""
    return "algorithm" in _parse(text)


def read_configuration(text: str, sketches: tuple[Sketch, ...]) -> tuple[int, IntArray]:
    """The sketch's index and its choices (knobs,).

    Raises:
        InputError: The text is no configuration of these sketches; it says why.
    """
    values = _parse(text)
    index = _sketch_index(values, sketches)
    knobs = sketches[index].knobs
    names = {knob.name for knob in knobs}
    if values.keys() != names:
        raise InputError(
            f"configuration: its knobs are {sorted(values)}, sketch {index} of this design space "
            f"has {sorted(names)}; was it recorded for another task or target?"
        )
    choices = [_choice(knob.name, knob.table, values[knob.name]) for knob in knobs]
    return index, np.array(choices, dtype=np.int32)


def _sketch_index(values: dict[str, Any], sketches: tuple[Sketch, ...]) -> int:
    """The sketch that a configuration names; what names it is taken out of `values`."""
    if "algorithm" in values:
        name = values.pop("algorithm")
        known = [sketch.algorithm for sketch in sketches]
        if not name or name not in known:
            raise InputError(
                f"configuration: its algorithm is {name!r}, this design space has "
                f"{sorted(filter(None, known))}; was it recorded for another task or target?"
            )
        return known.index(name)
    index = values.pop("sketch", None)
    direct = sum(not sketch.algorithm for sketch in sketches)
    if not isinstance(index, int) or not 0 <= index < direct:
        raise InputError(
            f"configuration: sketch is {index!r}, this design space has {direct} sketches; "
            "was it recorded for another task or target?"
        )
    return index


def _parse(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"configuration: {text!r} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"configuration: {text!r} must be a JSON object, knob by knob")
    return values


def _choice(name: str, table: IntArray, value: Any) -> int:
    """The row of a knob's table that holds the value."""
    row = value if isinstance(value, list) else [value]
    if len(row) == table.shape[1] and all(isinstance(part, int) for part in row):
        matches = np.flatnonzero((table == np.array(row)).all(axis=1))
        if len(matches):
            return int(matches[0])
    raise InputError(
        f"configuration: {name!r} is {value!r}, which is none of its {len(table)} values here; "
        "was it recorded for another task or target?"
    )
