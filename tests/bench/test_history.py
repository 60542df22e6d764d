"""Histories made up for the experiment, and the experiment itself on small ones."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.bench import history, run_bench
from dgtl_ray.bench.tools import replay
from dgtl_ray.bench.tools.history_job import JOBS, peak_bytes
from dgtl_ray.bench.tools.made_history import TASKS_A_RUN, write_made_history
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.roles import Proposer
from dgtl_ray.history import ParquetHistory, check_history
from dgtl_ray.search import ProposerContext, make_proposer
from dgtl_ray.testing.recorded import made_up_cache


def test_made_rows_are_a_history_and_the_same_for_a_seed(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_made_history(tmp_path / name, 300, seed)
    a, b, c = (ParquetHistory(str(tmp_path / name)) for name in "abc")
    assert check_history(a).ok
    assert len(a.summary()) == TASKS_A_RUN
    columns = ["measurement_id", "config", "cost_s"]
    assert a.scan(columns=columns).equals(b.scan(columns=columns))
    assert not a.scan(columns=columns).equals(c.scan(columns=columns))


def test_every_look_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, that is."""

    def asked(request: Mapping[str, str]) -> dict[str, Any]:
        words = dict(request)
        return {"rows": JOBS[words.pop("job")](**words)(), "wall_s": 1.0, "peak": peak_bytes()}

    monkeypatch.setattr(history, "_asked", asked)
    report = run_bench("history", quick=True, rows=[300], runs=tmp_path)
    (table,) = report.tables
    assert [row["what"] for row in table.rows] == [
        "one task's rows",
        "stats",
        "export",
        "import of Kernel Tuner's",
    ]
    assert all(row["s"] == 1.0 and row["peak (MB)"] > 10 for row in table.rows)
    assert [row["DuckDB (s)"] is None for row in table.rows] == [False] * 3 + [True]
    assert [path.name for path in tmp_path.iterdir()] == ["made-300-0"]


def test_files_are_imported_and_searched_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, list[str]]] = []

    def noting(search: str, context: ProposerContext) -> Proposer:
        told.append((context.device.name, [source.device.name for source in context.sources]))
        return make_proposer(search, context)

    monkeypatch.setattr(replay, "make_proposer", noting)
    for name, device, taste in (("a", "NVIDIA A100", 0.0), ("b", "", 0.2)):
        (tmp_path / f"{name}.json").write_text(json.dumps(made_up_cache(device, taste)))
    report = run_bench("imported", quick=True, tables=tmp_path, trials=8, searches=["random"])
    (table,) = report.tables
    assert [row["target"] for row in table.rows] == ["a", "b"]
    needed = [row[name] for row in table.rows for name in ("with imported files", "without")]
    assert all(1 <= trials <= 8.0001 for trials in needed)
    a, b = "NVIDIA A100", "b"
    assert told == [(a, []), (a, [b]), (b, []), (b, [a])]
    with pytest.raises(InputError, match="two recorded kernels or more"):
        run_bench("imported", quick=True, tables=tmp_path / "none")
