"""A user's parameters, in our spelling, Ray Tune's or Kernel Tuner's, as a design space."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dgtl_ray.core.errors import InputError
from dgtl_ray.space.knob_space import KnobSpace
from dgtl_ray.space.parameters.product import ProductSpace, listed
from dgtl_ray.space.parameters.ray_tune import from_ray_tune
from dgtl_ray.space.parameters.restrictions import read_restriction
from dgtl_ray.space.parameters.values import Parameter, choice
from dgtl_ray.space.table import TableSpace
from dgtl_ray.space.table_knob import TableKnob

Condition = str | Callable[[dict[str, Any]], Any]

# Configurations, and beginnings of ones, that are listed; a space that has more is drawn from.
_MOST_ROWS = 500_000


def read_parameters(
    parameters: Mapping[str, Any], restrictions: Sequence[Condition] = ()
) -> KnobSpace:
    """The design space of some parameters: a table of what is allowed, or a product to draw from.

    Args:
        parameters: For each name a `Parameter`, one of Ray Tune's domains, a list of values, or
            one value that stays.
        restrictions: Conditions between them, as text or as functions of a configuration.

    Raises:
        InputError: A parameter or a condition cannot be read, or nothing is allowed.
    """
    if not parameters:
        raise InputError("there is no parameter to tune")
    knobs = [_knob(name, given) for name, given in parameters.items()]
    names = tuple(knob.name for knob in knobs)
    read = [read_restriction(one, names) for one in restrictions]
    rows = listed(knobs, read, most=_MOST_ROWS)
    if rows is None:
        return ProductSpace(knobs, read)
    if not len(rows):
        raise InputError("the restrictions allow no configuration at all: loosen them")
    return TableSpace(knobs, rows)


def _knob(name: str, given: Any) -> TableKnob:
    try:
        return TableKnob.of(str(name), _parameter(given).levels)
    except InputError as error:
        raise InputError(f"parameter {name!r}: {error}") from error


def _parameter(given: Any) -> Parameter:
    if isinstance(given, Parameter):
        return given
    if (domain := from_ray_tune(given)) is not None:
        return domain
    if isinstance(given, Mapping) or callable(given):
        raise InputError(f"{given!r} is no list of values: parameters are named one by one")
    return (
        choice(given) if isinstance(given, list | tuple | range | np.ndarray) else choice([given])
    )
