"""What histories tell of a user's function: which rows of a large source."""

import json
from pathlib import Path

import numpy as np
import pytest

from dgtl_ray.core.function import FUNCTION_TARGET
from dgtl_ray.history import ParquetHistory, SourceKey
from dgtl_ray.recorded.importing import import_file
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.recorded.tables import read_table
from dgtl_ray.run import function_knowledge
from dgtl_ray.run.function_knowledge import function_sources
from dgtl_ray.testing.recorded import made_up_cache

NONE = SourceKey("", "", "")


@pytest.fixture
def told(tmp_path: Path) -> tuple[ParquetHistory, RecordedTable]:
    """A history of one function on one device, and the same as a table."""
    file = tmp_path / "kernel.json"
    file.write_text(json.dumps(made_up_cache()))
    import_file(str(file), str(tmp_path / "h"))
    return ParquetHistory(str(tmp_path / "h")), read_table(str(file))


def test_of_a_large_source_the_fastest_rows_and_some_of_the_others(
    told: tuple[ParquetHistory, RecordedTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where two histories hold the same rows; and not those whose names come first."""
    store, table = told
    monkeypatch.setattr(function_knowledge, "_MOST_ROWS", 20)
    (source,) = function_sources([store, store], table.space, NONE)
    assert source.encoding.shape == (20, len(table.space.columns))
    assert set(np.sort(table.cost_s)[:10]) <= set(source.cost_s)
    assert np.nanmax(source.cost_s) > np.nanmedian(table.cost_s)


def test_small_sources_tell_everything_and_own_rows_are_none(
    told: tuple[ParquetHistory, RecordedTable],
) -> None:
    store, table = told
    (source,) = function_sources([store], table.space, NONE)
    np.testing.assert_array_equal(np.sort(source.cost_s), np.sort(table.cost_s))
    own = SourceKey(source.task_key, source.device.key, FUNCTION_TARGET)
    assert function_sources([store], table.space, own) == ()
    assert function_sources([], table.space, NONE) == ()
