"""A timer that knows its processor from others of the same name."""

import json
from collections.abc import Iterator

import pytest

from dgtl_ray.measure.own_cpu import OtherProcessorError, OwnCpuTimer
from dgtl_ray.model import parse_target


@pytest.fixture
def timer() -> Iterator[OwnCpuTimer]:
    timer = OwnCpuTimer()
    yield timer
    timer.close()


def test_only_the_targets_own_processor_is_its_device(timer: OwnCpuTimer) -> None:
    target = json.loads(parse_target("cpu").json)
    assert timer.describe(json.dumps(target)).kind == "cpu"
    other = next(name for name in ("znver4", "znver5") if name != target["mcpu"])
    told = f"its processor is a {target['mcpu']}, this run tunes for a {other}"
    with pytest.raises(OtherProcessorError, match=told):
        timer.describe(json.dumps({**target, "mcpu": other}))
