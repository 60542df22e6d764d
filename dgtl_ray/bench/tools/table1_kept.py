"""The folder of the paper's table: settings, rows of each sitting, and the table as files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.table1_report import REDUCTIONS, Row, markdown, reported
from dgtl_ray.core.errors import InputError

_SETTINGS, _ROWS = "settings.json", "rows"
_JSON, _PARQUET, _MARKDOWN = "table1.json", "table1.parquet", "table1.md"
# The tables that `docs/results.md` tells of, each of one machine.
_OURS = Path(str(files("dgtl_ray.bench") / "kept"))


class KeptTable:
    """What is known of the table so far: all of it from one machine, with the same settings.

    Args:
        folder: Made where it is not there.
        settings: What every row was run with, the machine among it, as JSON can hold it.

    Raises:
        InputError: The folder was begun with other settings, or on another machine.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder = folder
        self._settings = settings
        (folder / _ROWS).mkdir(parents=True, exist_ok=True)
        note = folder / _SETTINGS
        if not note.exists():
            note.write_text(json.dumps(settings, indent=1))
        begun: dict[str, Any] = json.loads(note.read_text())
        other = [
            f"{name} was {begun.get(name)!r}, is {settings.get(name)!r}"
            for name in sorted(begun.keys() | settings.keys())
            if begun.get(name) != settings.get(name)
        ]
        if other:
            raise InputError(
                f"{folder} was begun otherwise ({'; '.join(other)}): go on as it was begun, or "
                "name another folder by --runs"
            )

    def rows(self, network: str, seed: int) -> list[Row]:
        """Of a sitting; none before there was one."""
        file = self._file(network, seed)
        return [Row.of(row) for row in json.loads(file.read_text())] if file.exists() else []

    def keep(self, network: str, seed: int, rows: Sequence[Row]) -> None:
        """Write a sitting's rows, and the table anew."""
        file = self._file(network, seed)
        unfinished = file.with_suffix(".part")
        unfinished.write_text(json.dumps([asdict(row) for row in rows]))
        unfinished.replace(file)
        report = self.report()
        (self._folder / _JSON).write_text(json.dumps(report.as_dict(), indent=1))
        pq.write_table(self._rows_with_reductions(report), self._folder / _PARQUET)
        (self._folder / _MARKDOWN).write_text(markdown(report))

    def report(self) -> BenchReport:
        """All sittings that the folder holds."""
        return reported(self._every_row(), self._settings)

    def _rows_with_reductions(self, report: BenchReport) -> Any:
        """As a table: rows, each with what its contender saved on its network."""
        saved = {
            (one["network"], one["contender"]): {name: one[name] for name in REDUCTIONS}
            for one in report.tables[0].rows
        }
        told = [asdict(row) | saved[row.network, row.contender] for row in self._every_row()]
        return pa.Table.from_pylist(told)

    def _file(self, network: str, seed: int) -> Path:
        return self._folder / _ROWS / f"{network.replace(':', '_')}-{seed}.json"

    def _every_row(self) -> list[Row]:
        files = sorted((self._folder / _ROWS).glob("*.json"))
        return [Row.of(row) for file in files for row in json.loads(file.read_text())]


def shown(folder: Path | None) -> BenchReport:
    """The table that a folder keeps, with the machine that it was made on; ours without a folder.

    Raises:
        InputError: There is none.
    """
    if folder is not None:
        return _read(folder / _JSON)
    kept = {file.stem: file for file in _OURS.glob("*.json")}
    return _together({name: _read(kept[name]) for name in sorted(kept)})


def _read(file: Path) -> BenchReport:
    try:
        told = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{file.parent} holds no table: {error}") from error
    return BenchReport(
        name=told["name"],
        tables=[BenchTable(title=title, rows=rows) for title, rows in told["tables"].items()],
        figures=told["figures"],
        settings=told["settings"],
        machine=told["machine"],
    )


def _together(reports: Mapping[str, BenchReport]) -> BenchReport:
    """Tables of several machines, by name of the machine, as one report."""

    def named(part: str) -> dict[str, Any]:
        return {
            f"{place}: {name}": value
            for place, report in reports.items()
            for name, value in getattr(report, part).items()
        }

    return BenchReport(
        name="table1",
        tables=[
            replace(table, title=f"{place}: {table.title}")
            for place, report in reports.items()
            for table in report.tables
        ],
        figures=named("figures"),
        settings=named("settings"),
        machine=named("machine"),
    )
