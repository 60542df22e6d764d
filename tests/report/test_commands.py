"""`dgtl report` and `dgtl compare` on a made-up run."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dgtl_ray.cli import app


@pytest.mark.parametrize("name", ["report", "compare"])
def test_a_page_is_written_and_its_path_told_to_the_letter(
    run: str, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "page [red] :x:.html"
    done = CliRunner().invoke(app, [name, run, run, "--out", str(file)])
    assert done.exit_code == 0, done.output
    assert f"{file}: " in done.output
    assert "trials to 1.05 × best" in file.read_text()
