"""Copies a history to plain Parquet for people who do not have this program."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dgtl_ray.history.columns import columns_as_markdown
from dgtl_ray.history.exported import paths_of, with_damage
from dgtl_ray.history.new_places import new_file, new_folder, whole_file, whole_folder
from dgtl_ray.history.partitions import PartitionedFiles, plain_writer
from dgtl_ray.history.plain_rows import PlainRows, write_rows
from dgtl_ray.history.schema import SCHEMA_VERSION

_SUFFIX = ".parquet"
# Readers that are given a folder take every name without `_` in front for data.
_README_NAME = "_README.md"

_README = """# Measurements of a tuning run

{rows} measurements in {files} Parquet file(s), one row each: a configuration of a layer task of a
neural network, built and timed on a device, or the way in which it failed. {filter}
A file lies in `kind=KIND/on_device=KEY/`, by the target's kind and the device's key.
Schema version {version}. Read them with any of

```python
pandas.read_parquet("{folder}")
polars.read_parquet("{folder}/**/*.parquet", hive_partitioning=True)
duckdb.sql("SELECT * FROM '{folder}/**/*.parquet'")
```

## Columns

{columns}"""


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What was exported, and which damaged files of the history could not be.

    Attributes:
        out: The folder or file, as it was named.
        rows: How many measurements it holds.
        files: In how many files.
        size_bytes: Of all of them.
        skipped: Paths of the damaged files.
    """

    out: str
    rows: int
    files: int
    size_bytes: int
    skipped: tuple[str, ...]

    def __str__(self) -> str:
        size_mb = self.size_bytes / 1e6
        text = f"{self.rows} rows, {size_mb:.2f} MB, {self.files} file(s): {self.out}"
        return with_damage(text, self.skipped)


def export(uri: str, out: str, where: str | None = None) -> ExportReport:
    """Write the rows that `where` admits as plain Parquet, whole or not at all.

    In a folder they lie in `kind=KIND/on_device=KEY/`, by the target's kind and the device's key,
    beside a README of the columns.

    Args:
        uri: Of the history.
        out: A folder that does not exist or is empty; or, where the name ends in `.parquet`, a new
            file, in which all rows are.
        where: A condition like `operator == 'conv2d' and cost_s < 0.01`; None for all rows.

    Raises:
        InputError: No such history, a bad condition, no row that it admits, a folder or file that
            is in use or not writable.
    """
    if out.endswith(_SUFFIX):
        target = new_file(out)
        rows = write_rows(uri, where, lambda rows: _write_file(rows, target))
        files = [target]
    else:
        target = new_folder(out)
        rows = write_rows(uri, where, lambda rows: _write_folder(rows, target, where))
        files = _files(target)
    return ExportReport(
        out=out,
        rows=rows.count,
        files=len(files),
        size_bytes=sum(file.stat().st_size for file in files),
        skipped=paths_of(rows.skipped),
    )


def _files(folder: Path) -> list[Path]:
    return list(folder.rglob(f"*{_SUFFIX}"))


def _write_file(rows: PlainRows, target: Path) -> None:
    with whole_file(target) as hidden, plain_writer(hidden) as writer:
        for table in rows.tables():
            writer.write_table(table)


def _write_folder(rows: PlainRows, target: Path, where: str | None) -> None:
    with whole_folder(target) as hidden:
        _write_partitions(rows, hidden)
        text = _README.format(
            rows=rows.count,
            files=len(_files(hidden)),
            filter=f"Only rows where `{where}`." if where else "All rows of the history.",
            version=SCHEMA_VERSION,
            folder=target.name,
            columns=columns_as_markdown(),
        )
        (hidden / _README_NAME).write_text(text, encoding="utf-8")


def _write_partitions(rows: PlainRows, out: Path) -> None:
    copied = rows.whole_files()
    with closing(PartitionedFiles(out)) as files:
        for name, inside in copied.items():
            rows.copy(name, files.new_file(inside))
        for table in rows.tables(without=copied):
            files.write(table)
