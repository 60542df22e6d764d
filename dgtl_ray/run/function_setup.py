"""What a run of a function was begun with, kept beside it, so that it can be restored."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.space.parameters import Parameter
from dgtl_ray.space.parameters.reading import Condition
from dgtl_ray.space.table_knob import as_level
from dgtl_ray.storage import Storage, join, told

_FILE = "function.json"


@dataclass(frozen=True, kw_only=True)
class FunctionSetup:
    """Parameters, restrictions and settings of a run.

    Attributes:
        parameters: Values of each.
        restrictions: Conditions between them as text; None where one was a function, which no file
            can hold.
        settings: Of the search, by name: numbers and texts.
    """

    parameters: Mapping[str, Parameter]
    restrictions: tuple[str, ...] | None
    settings: Mapping[str, Any]


def keep_setup(folder: str, setup: FunctionSetup) -> None:
    """Write it into a run's folder.

    Raises:
        InputError: The folder cannot be written.
    """
    storage = Storage(folder)
    storage.create()
    fields = {
        "parameters": {name: list(one.levels) for name, one in setup.parameters.items()},
        "restrictions": setup.restrictions,
        "settings": dict(setup.settings),
    }
    storage.put(_FILE, json.dumps(fields, indent=2).encode())


def read_setup(folder: str) -> FunctionSetup:
    """What `keep_setup` wrote.

    Raises:
        InputError: There is none, or it is damaged.
    """
    text = Storage(folder).get(_FILE)
    if text is None:
        raise InputError(f"no run of a function in {told(folder)}: check the path")
    try:
        fields = json.loads(text)
        restrictions = fields["restrictions"]
        return FunctionSetup(
            parameters={
                str(name): Parameter(levels=tuple(map(as_level, levels)))
                for name, levels in fields["parameters"].items()
            },
            restrictions=None if restrictions is None else tuple(map(str, restrictions)),
            settings=dict(fields["settings"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{join(told(folder), _FILE)} is damaged: {error!r}") from error


def restriction_texts(restrictions: Sequence[Condition]) -> tuple[str, ...] | None:
    """Restrictions as text, None where one is a function."""
    texts = tuple(one for one in restrictions if isinstance(one, str))
    return texts if len(texts) == len(restrictions) else None
