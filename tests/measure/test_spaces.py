"""Reading design spaces in processes that may be lost."""

from collections.abc import Iterator

import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.task import LayerTask
from dgtl_ray.measure import SpaceReader

TARGET = '{"kind": "llvm"}'


@pytest.fixture(scope="module")
def reader() -> Iterator[SpaceReader]:
    job = "tests.measure.jobs:moody_space_job"
    with SpaceReader(timeout_s=3.0, processes=2, job=job) as made:
        yield made


def task(name: str) -> LayerTask:
    return LayerTask(
        name=name, operator="", workload_key=name, weight=1, flop=1.0, args=(), program="",
        network="none",
    )  # fmt: skip


@pytest.mark.slow
def test_a_lost_process_costs_its_own_task(reader: SpaceReader) -> None:
    names = ["first", "crash", "second", "hang", "exit", "third"]
    spaces = reader.read([task(name) for name in names], TARGET)
    assert [space.size for space in spaces] == [0] * 6
    said = [space.untunable for space in spaces]
    assert [said[at] for at in (0, 2, 5)] == ["read first", "read second", "read third"]
    assert "killed by SIGSEGV" in said[1]
    assert "time limit of 3 s" in said[3]
    assert "exit status 3" in said[4]


@pytest.mark.slow
def test_what_is_wrong_with_the_target_is_an_error(reader: SpaceReader) -> None:
    with pytest.raises(InputError, match="modulo by zero"):
        reader.read([task("raise")], TARGET)


def test_nothing_to_read(reader: SpaceReader) -> None:
    assert reader.read([], TARGET) == []
