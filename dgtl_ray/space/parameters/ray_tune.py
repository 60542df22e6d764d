"""Ray Tune's spelling of parameters, read without importing Ray."""

from collections.abc import Iterable
from math import ceil, floor, log10
from typing import Any

import numpy as np

from dgtl_ray.core.errors import InputError
from dgtl_ray.space.parameters.values import Parameter, choice, steps

_MODULE = "ray.tune.search.sample"
# Numbers of a range that are searched one by one; of a wider one, or one that is logarithmic and
# has more than so many steps, those on its scale.
_MOST_WHOLE = 4096
_STEPS = 64


def from_ray_tune(given: Any) -> Parameter | None:
    """The values of one of Ray Tune's domains, None where it is none.

    A range of numbers becomes steps on its scale: `randint` and `quniform` exactly, where they have
    at most 4,096, and `lograndint` and `qloguniform`, where they have at most 64; others, and what
    is continuous, as 64 of them.

    Raises:
        InputError: It is a domain that has no values to choose from.
    """
    if isinstance(given, dict) and set(given) == {"grid_search"}:
        return choice(given["grid_search"])
    if not type(given).__module__.startswith(_MODULE):
        return None
    kind = type(given).__name__
    if kind == "Categorical":
        return choice(given.categories)
    if kind not in ("Integer", "Float"):
        raise InputError(f"{given!r} of Ray Tune computes values: name those to choose from")
    return _range(given, whole=kind == "Integer")


def _range(domain: Any, *, whole: bool) -> Parameter:
    sampler = domain.get_sampler()
    step = float(getattr(sampler, "q", 0.0) or 0.0)
    scale = type(getattr(sampler, "sampler", sampler)).__name__
    if scale not in ("_Uniform", "_LogUniform"):
        raise InputError(f"{domain!r} of Ray Tune has no bounds: give a range, or values")
    log = scale == "_LogUniform"
    if whole and step <= 1:
        # `upper` is excluded here, but not where they are multiples of more than 1.
        return _multiples(1, int(domain.lower), int(domain.upper) - 1, log=log)
    lower, upper = float(domain.lower), float(domain.upper)
    if not step:
        return steps(lower, upper, count=_STEPS, log=log)
    first, last = ceil(lower / step - 1e-9), floor(upper / step + 1e-9)
    return _multiples(int(step) if whole else step, first, last, log=log)


def _multiples(unit: float, first: int, last: int, *, log: bool) -> Parameter:
    """Multiples of a unit, as Ray Tune rounds them: all of them, or some on their scale.

    Args:
        unit: Whole for whole numbers.
        first: Of them, in units.
        last: Of them, in units.
        log: Whether their scale is logarithmic.
    """
    numbers: Iterable[int] = range(first, last + 1)
    if last - first >= (_STEPS if log else _MOST_WHOLE):
        spread = (
            np.geomspace(max(first, 1), last, _STEPS) if log else np.linspace(first, last, _STEPS)
        )
        numbers = [round(float(number)) for number in spread]
    digits = max(0, ceil(-log10(unit)) + 6)
    return choice(round(number * unit, digits) for number in numbers)
