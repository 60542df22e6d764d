"""`dgtl bench rate`: which program is measured, and what a rate is."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dgtl_ray.bench import rate
from dgtl_ray.bench.tools import round_runner
from dgtl_ray.bench.tools.pace import Pace
from dgtl_ray.bench.tools.round_runner import RoundRunner, after_first
from dgtl_ray.core.errors import ExperimentError, InputError
from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.history import ParquetHistory
from dgtl_ray.model import parse_target
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
        rows = [example_measurement(trial, stage=stage) for trial in range(trials - 1)]
        lost = example_measurement(trials - 1, stage=stage, status=Status.RUN_ERROR)
        pace.append([*rows, lost])
        pace.on_round(SearchTime(total=total, proposing=0.0, building=0.0, timing=0.0, idle=0.0))
    found = pace.as_dict()
    assert found["trials"] == 12
    assert found["wall_s"] == pytest.approx(6.0)
    assert (found["failed"], found["error"]) == (2, "it failed")
    assert json.loads(json.dumps(found)) == found


def test_metaschedules_first_round_warms_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def future(error: str | None) -> SimpleNamespace:
        return SimpleNamespace(result=lambda: SimpleNamespace(error_msg=error))

    moments = iter([30.0, 34.0, 36.0])
    monkeypatch.setattr(round_runner, "time", SimpleNamespace(perf_counter=lambda: next(moments)))
    builder = SimpleNamespace(asked=0, failed=0)
    runner = RoundRunner._cls(SimpleNamespace(run=list), builder)
    for built, lost in ((3, 1), (4, 0), (2, 2)):
        builder.asked += built + lost
        builder.failed += lost
        futures = [future("no answer"), *(future(None) for _ in range(built - 1))]
        assert runner.run(futures) == futures
    assert after_first(runner.rounds) == {"trials": 8, "failed": 4, "wall_s": 6.0}


def test_metaschedule_has_rounds_of_its_own_size_one_for_each_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[dict[str, Any]] = []

    def answer(_program: object, request: dict[str, Any], _checkout: Path) -> dict[str, Any]:
        asked.append(request)
        return {"trials": 1, "failed": 0, "wall_s": 1.0}

    monkeypatch.setattr(rate, "_answer", answer)
    rate._metaschedule([], parse_target("cpu"), rate._FULL)
    assert (asked[0]["trials"], asked[0]["per_round"]) == (384, 64)
    assert rate._FULL.trials == rate._FULL.tasks * rate._FULL.per_round


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
