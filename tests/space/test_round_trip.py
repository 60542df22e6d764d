import json
import pickle
from typing import Any

import numpy as np
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.space import DesignSpace
from tests.space.conftest import DEVICES, SpaceOf
from tests.space.programs import TASKS

CASES = [(name, kind) for name in TASKS for kind in ("cpu", "cuda")]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_configuration_survives_its_text(name: str, kind: str, space_of: SpaceOf) -> None:
    space = space_of(name, kind)
    for row in space.sample(50, np.random.default_rng(0)):
        assert np.array_equal(space.row_of(space.config_of(row)), row)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_space_survives_json_and_pickle(name: str, kind: str, space_of: SpaceOf) -> None:
    space = space_of(name, kind)
    pool = space.sample(20, np.random.default_rng(0))
    for copy in (DesignSpace.from_json(space.to_json()), pickle.loads(pickle.dumps(space))):
        assert copy.key == space.key
        assert copy.size == space.size
        assert copy.to_json() == space.to_json()
        assert np.array_equal(copy.sample(20, np.random.default_rng(0)), pool)
        assert copy.schedule_of(pool[0]) == space.schedule_of(pool[0])
        assert np.array_equal(copy.encode(pool, DEVICES[kind]), space.encode(pool, DEVICES[kind]))


def test_a_configuration_reads_like_its_schedule(space_of: SpaceOf) -> None:
    space = space_of("conv2d", "cpu")
    row = space.sample(1, np.random.default_rng(0))[0]
    config = json.loads(space.config_of(row))
    decisions = json.loads(space.schedule_of(row))[1]
    assert config["sketch"] == row[0]
    assert [value for _, value in decisions][:7] == [config[f"tile {axis}"] for axis in _AXES]
    assert np.prod(config["tile yy"]) == 28
    assert config["unroll"] in {0, 16, 64, 512}


_AXES = ("nn", "yy", "xx", "ff", "ry", "rx", "rc")


def test_keys_tell_spaces_apart(space_of: SpaceOf) -> None:
    keys = {space_of(name, kind).key for name, kind in CASES}
    assert len(keys) == len(CASES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sketch": 9}, "sketch is 9"),
        ({"sketch": None}, "sketch is None"),
        ({"tile yy": [28, 1, 1, 2]}, "tile yy"),
        ({"unroll": 17}, "unroll"),
        ({"tile zz": [1]}, "tile zz"),
    ],
)
def test_a_foreign_configuration_is_refused(
    change: dict[str, Any], message: str, space_of: SpaceOf
) -> None:
    space = space_of("conv2d", "cpu")
    config = json.loads(space.config_of(space.sample(1, np.random.default_rng(0))[0]))
    with pytest.raises(InputError, match=message):
        space.row_of(json.dumps({**config, **change}))


@pytest.mark.parametrize("text", ["", "[1, 2]", "{"])
def test_what_is_no_configuration_is_refused(text: str, space_of: SpaceOf) -> None:
    with pytest.raises(InputError, match="JSON"):
        space_of("conv2d", "cpu").row_of(text)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "cpu", "limits": {}, "sketches": 3}'])
def test_what_is_no_space_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="design space"):
        DesignSpace.from_json(text)


def test_a_key_is_worked_out_once(space_of: SpaceOf, monkeypatch: pytest.MonkeyPatch) -> None:
    space = space_of("conv2d", "cpu")
    key = space.key
    monkeypatch.setattr("dgtl_ray.space.design_space.hashlib", None)
    assert space.key == key
