"""Ray Tune's spelling of parameters, read without importing Ray."""

from math import ceil, floor, log10
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.space.parameters.values import Parameter, choice, randint, steps

_MODULE = "ray.tune.search.sample"
# Whole numbers of a range that are searched one by one; of a wider one, so many on its scale.
_MOST_WHOLE = 4096
_STEPS = 64


def from_ray_tune(given: Any) -> Parameter | None:
    """The values of one of Ray Tune's domains, None where it is none.

    A range of numbers becomes steps on its scale: `randint` and `quniform` exactly, where they have
    at most 4,096; what is continuous as 64 of them.

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
    # Of whole numbers `upper` is excluded, but where they are multiples of more than 1.
    lower, upper = float(domain.lower), float(domain.upper)
    if step and not (whole and step == 1):
        return _multiples(lower, upper, step, whole=whole)
    if whole and (upper - lower <= _MOST_WHOLE):
        return randint(int(lower), int(upper))
    if not whole:
        return steps(lower, upper, count=_STEPS, log=log)
    spread = steps(lower, upper - 1, count=_STEPS, log=log)
    return choice(round(float(x)) for x in spread.levels)  # type: ignore[arg-type]


def _multiples(lower: float, upper: float, step: float, *, whole: bool) -> Parameter:
    """Multiples of a step from bound to bound, as Ray Tune rounds them."""
    digits = max(0, ceil(-log10(step)) + 6)
    numbers = range(ceil(lower / step - 1e-9), floor(upper / step + 1e-9) + 1)
    values = [round(k * step, digits) for k in numbers]
    return choice([int(value) for value in values] if whole else values)
