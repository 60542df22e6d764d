"""What a network's run kept, read without a search."""

from pathlib import Path

import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.run.results import finished_grid
from dgtl_ray.testing.runs import example_state


def test_a_run_that_has_not_ended_has_no_results(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(example_state(), resume=False)
    with pytest.raises(InputError, match="has not ended"):
        finished_grid(folder)


def test_damaged_results_are_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(example_state(), resume=False)
    folder.save_result({"layers": [{"name": "dense"}], "sources": []})
    with pytest.raises(InputError, match=f"{tmp_path} kept is damaged"):
        finished_grid(folder)
