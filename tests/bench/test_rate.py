"""`dgtl bench rate`: which program is measured, and what a rate is."""

import json
from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.bench import rate
from dgtl_ray.bench.tools.pace import Pace
from dgtl_ray.core.errors import ExperimentError, InputError
from dgtl_ray.core.measurement import Stage
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.history import ParquetHistory
from dgtl_ray.testing.measurements import example_measurement


def test_a_folder_without_a_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkout"):
        rate.run(quick=True, against=tmp_path)


def test_a_program_of_another_checkout_imports_that_checkout(tmp_path: Path) -> None:
    package = tmp_path / "dgtl_ray"
    package.mkdir()
    (package / "__init__.py").touch()
    script = tmp_path / "where.py"
    (package / "worker.py").write_text("import dgtl_ray\nprint(dgtl_ray.__file__)\n")
    script.write_text(
        "import json, subprocess, sys, dgtl_ray\n"
        "worker = subprocess.check_output([sys.executable, '-m', 'dgtl_ray.worker'], text=True)\n"
        "print(json.dumps({'own': dgtl_ray.__file__, 'of its worker': worker.strip()}))\n"
    )
    answer = rate._answer(["-P", str(script)], {}, tmp_path)
    assert {Path(file).parent for file in answer.values()} == {package}


def test_a_program_that_fails_tells_why(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="no such thing"):
        rate._answer(["-c", "raise SystemExit('no such thing')"], {}, tmp_path)


def test_the_first_round_warms_up_and_confirmations_do_not_count(tmp_path: Path) -> None:
    pace = Pace(store=ParquetHistory(str(tmp_path)))
    for total, trials, stage in (
        (30.0, 2, Stage.DEFAULT),
        (34.0, 6, Stage.SEARCH),
        (36.0, 6, Stage.SEARCH),
        (99.0, 5, Stage.CONFIRM),
    ):
        pace.append([example_measurement(trial, stage=stage) for trial in range(trials)])
        pace.on_round(SearchTime(total=total, proposing=0.0, building=0.0, timing=0.0, idle=0.0))
    found = pace.as_dict()
    assert found["trials"] == 12
    assert found["wall_s"] == pytest.approx(6.0)
    assert json.loads(json.dumps(found)) == found


def test_rates_of_several_runs_are_taken_together() -> None:
    spent = {"total": 8.0, "proposing": 1.0, "building": 4.0, "timing": 3.0, "idle": 0.0}
    runs: list[dict[str, Any]] = [
        {"trials": 10, "wall_s": 4.0, "failed": 1, "spent": spent},
        {"trials": 20, "wall_s": 2.0, "failed": 0},
    ]
    row = rate._row("ours", runs)
    assert row["trials_per_s"] == pytest.approx(5.0)
    assert row["building_share"] == pytest.approx(0.5)
    assert row["failed"] == 1
    assert "building_share" in rate._row("theirs", [{"trials": 3, "wall_s": 1.0, "failed": 1}])


def test_a_rate_of_failures_is_no_rate() -> None:
    with pytest.raises(ExperimentError, match="4 trials failed: no linker"):
        rate._row("ours", [{"trials": 8, "wall_s": 1.0, "failed": 4, "error": "no linker"}])
