"""A timer that knows its processor from others of the same name."""

from contextlib import closing

import pytest

from dgtl_ray.core.device import processor_of
from dgtl_ray.measure.own_cpu import OtherProcessorError, OwnCpuTimer
from dgtl_ray.model import parse_target

TARGETS = ["cpu", '{"kind": "llvm", "mcpu": "core2"}']


@pytest.mark.parametrize("target", TARGETS)
def test_only_the_processor_that_is_meant_is_its_device(target: str) -> None:
    """Whatever the target is: one for all processors says nothing of who may time."""
    here, meant = processor_of(parse_target("cpu").json), parse_target(target).json
    with closing(OwnCpuTimer(here)) as timer:
        assert timer.describe(meant).kind == "cpu"
    other = next(name for name in ("znver4", "znver5") if name != here)
    told = f"its processor is a {here}, this run tunes for a {other}"
    with closing(OwnCpuTimer(other)) as timer, pytest.raises(OtherProcessorError, match=told):
        timer.describe(meant)
