"""`docs/ray-tune.md` against the Ray that is installed, and against what is here."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dgtl_ray
from dgtl_ray.configs import require_network
from dgtl_ray.core.errors import InputError
from dgtl_ray.run.callbacks import Callbacks
from dgtl_ray.run.function_events import read_failing

pytestmark = pytest.mark.slow

TABLE = Path(__file__).parent.parent / "docs" / "ray-tune.md"
ROW = re.compile(r"^\| `([^`]+)` \| (\w+) \|")
OURS: dict[str, list[Any]] = {
    "Tuner": [dgtl_ray.Tuner],
    "TuneConfig": [dgtl_ray.TuneConfig],
    "RunConfig": [dgtl_ray.RunConfig],
    "ResultGrid": [dgtl_ray.ResultGrid, dgtl_ray.TrialGrid],
    "Result": [dgtl_ray.TrialResult],
}


def rows() -> dict[str, str]:
    """Name → word."""
    found = [match for line in TABLE.read_text().splitlines() if (match := ROW.match(line))]
    return {match[1]: match[2] for match in found}


def parameters(function: Any) -> list[str]:
    names = inspect.signature(function).parameters
    return [name for name in names if name not in ("self", "cls") and not name.startswith("_")]


def public(owner: type) -> list[str]:
    fields = getattr(owner, "__dataclass_fields__", {})
    return sorted({*fields, *vars(owner)} - {n for n in {*fields, *vars(owner)} if n[0] == "_"})


def names_of_ray() -> Iterator[str]:
    """Every public name of the classes in the table, as the table spells it."""
    from ray import tune

    for config in (tune.Tuner, tune.TuneConfig, tune.RunConfig, tune.FailureConfig):
        yield from (f"{config.__name__}({name})" for name in parameters(config.__init__))
    for owner in (tune.Tuner, tune.ResultGrid):
        for name in public(owner):
            member = getattr(owner, name)
            if not callable(member):
                yield f"{owner.__name__}.{name}"
            elif given := parameters(member):
                yield from (f"{owner.__name__}.{name}({parameter})" for parameter in given)
            else:
                yield f"{owner.__name__}.{name}()"
    for name in public(tune.Result):
        call = "()" if callable(getattr(tune.Result, name, None)) else ""
        yield f"Result.{name}{call}"
    yield from (f"Callback.{name}()" for name in public(tune.Callback))


def test_the_table_has_every_public_name_of_ray_tune_and_no_other() -> None:
    assert set(rows()) == set(names_of_ray())


def is_here(name: str) -> bool:
    owner, _, rest = name.partition(".")
    if not rest:
        owner, parameter = name.rstrip(")").split("(")
        return all(parameter in parameters(one.__init__) for one in OURS[owner])
    member, _, parameter = rest.rstrip(")").partition("(")
    for one in OURS[owner]:
        if all(member not in public(part) for part in one.__mro__):
            return False
        if parameter and parameter not in parameters(getattr(one, member)):
            return False
    return True


@pytest.mark.parametrize("name", [n for n in rows() if n.split("(")[0].split(".")[0] in OURS])
def test_what_is_said_to_be_here_is(name: str) -> None:
    assert is_here(name) == (rows()[name] != "absent")


def config_of(name: str) -> Any:
    owner, parameter = name.rstrip(")").split("(")
    (config,) = OURS[owner]
    return config(**{parameter: object()})


@pytest.mark.parametrize("name", [name for name, word in rows().items() if word == "warns"])
def test_what_has_no_effect_says_so(name: str) -> None:
    with pytest.warns(UserWarning, match="has no effect"):
        config_of(name)


@pytest.mark.parametrize("name", [name for name, word in rows().items() if word == "refused"])
def test_what_is_refused_says_what_to_do(name: str) -> None:
    with pytest.raises(InputError, match=r"is not known here: \w+"):
        config_of(name)


def test_callbacks_are_called_by_the_names_that_the_table_has() -> None:
    source = inspect.getsource(Callbacks)
    for name, word in rows().items():
        if name.startswith("Callback."):
            hook = name.removeprefix("Callback.").rstrip("()")
            assert (f'"{hook}"' in source) == (word == "same")


def test_failures_are_read_as_ray_tune_tells_them() -> None:
    from ray.tune import FailureConfig

    assert read_failing(FailureConfig(max_failures=-1)).retries is None
    assert read_failing(FailureConfig(max_failures=2)).retries == 2
    assert read_failing(FailureConfig(fail_fast="raise")).is_raised
    with pytest.raises(InputError, match="max_failures"):
        read_failing("three times")


def test_a_network_says_what_only_a_function_has() -> None:
    with pytest.raises(InputError, match="stop"):
        require_network(dgtl_ray.TuneConfig(), dgtl_ray.RunConfig(stop={"latency_s": 1.0}))
    with pytest.warns(UserWarning, match="max_concurrent_trials"):
        require_network(dgtl_ray.TuneConfig(max_concurrent_trials=2), dgtl_ray.RunConfig())
    with pytest.warns(UserWarning, match="log_to_file"):
        require_network(dgtl_ray.TuneConfig(), dgtl_ray.RunConfig(log_to_file=True))


def test_a_searcher_of_ray_tune_is_sent_there() -> None:
    with pytest.raises(InputError, match=r"ray\.tune\.Tuner"):
        dgtl_ray.TuneConfig(search_alg=object())  # type: ignore[arg-type]
