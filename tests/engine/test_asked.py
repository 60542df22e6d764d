"""What was asked for is there again after a kill, without what was measured."""

from pathlib import Path

import numpy as np
import pytest

from dgtl_ray.core.errors import StorageError
from dgtl_ray.core.measurement import Stage
from dgtl_ray.engine.asked import AskedTrials
from dgtl_ray.engine.layer import Candidate

KEYS = [("one", "space"), ("two", "space")]


def has_all(_layer: int, _config: str) -> bool:
    """No design space has become smaller."""
    return True


def candidate(config: str, mean: float | None = None) -> Candidate:
    return Candidate(
        config=config,
        schedule="long text",
        encoding=np.ones(3, np.float32),
        stage=Stage.TUNING_SET,
        predicted_mean=mean,
        predicted_std=mean,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Of a search that was killed after it had asked for three configurations."""
    file = tmp_path / "folder" / "asked.jsonl"
    asked = AskedTrials(file)
    assert asked.open(KEYS, set(), has_all) == []
    asked.append(1, [candidate("a"), candidate("b", mean=-3.25)])
    asked.append(0, [candidate("a")])
    return file


def test_what_is_not_measured_is_there_again_in_its_order(file: Path) -> None:
    left = AskedTrials(file).open(KEYS, {(1, "a")}, has_all)
    assert [(layer, found.config) for layer, found in left] == [(1, "b"), (0, "a")]
    found = left[0][1]
    assert (found.stage, found.schedule, found.encoding.size) == (Stage.TUNING_SET, "", 0)
    assert (found.predicted_mean, found.predicted_std) == (-3.25, -3.25)
    again = AskedTrials(file).open(KEYS, set(), has_all)
    assert [(layer, found.config) for layer, found in again] == [(1, "b"), (0, "a")]


def test_layers_and_spaces_that_are_no_more_are_forgotten(file: Path) -> None:
    keys = [("two", "space"), ("one", "another space")]
    left = AskedTrials(file).open(keys, set(), has_all)
    assert [(layer, found.config) for layer, found in left] == [(0, "a"), (0, "b")]


def test_what_is_not_allowed_any_more_is_forgotten(file: Path) -> None:
    left = AskedTrials(file).open(KEYS, set(), lambda layer, config: (layer, config) != (1, "a"))
    assert [(layer, found.config) for layer, found in left] == [(1, "b"), (0, "a")]
    again = AskedTrials(file).open(KEYS, set(), has_all)
    assert [(layer, found.config) for layer, found in again] == [(1, "b"), (0, "a")]


def test_half_a_line_is_no_harm(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])
    asked = AskedTrials(file)
    assert [found.config for _, found in asked.open(KEYS, set(), has_all)] == ["a", "b"]
    asked.append(0, [candidate("c")])
    left = AskedTrials(file).open(KEYS, set(), has_all)
    assert [found.config for _, found in left] == ["a", "b", "c"]


def test_nothing_is_left_of_a_search_that_ended(file: Path) -> None:
    AskedTrials(file).close()
    assert not file.exists()


def test_a_disk_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    with pytest.raises(StorageError, match=r"cannot write .*asked"):
        AskedTrials(tmp_path / "folder" / "asked.jsonl").open(KEYS, set(), has_all)
