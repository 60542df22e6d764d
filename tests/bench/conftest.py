import json
from pathlib import Path

import pytest

from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.recorded.tables import read_tables
from dgtl_ray.testing.recorded import made_up_cache


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One kernel on two devices."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "k_A100.json").write_text(json.dumps(made_up_cache()))
    other = made_up_cache("AMD Radeon PRO W6600", taste=1.0)
    (folder / "k_W6600.json").write_text(json.dumps(other))
    return folder


@pytest.fixture(scope="session")
def tables(folder: Path) -> list[RecordedTable]:
    return read_tables(folder)
