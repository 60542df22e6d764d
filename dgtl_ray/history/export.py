"""Copies a history to plain Parquet for people who do not have this program."""

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.columns import columns_as_markdown
from dgtl_ray.history.filter_text import parse_filter
from dgtl_ray.history.folder import Folder
from dgtl_ray.history.plain_copy import Written, write_plain
from dgtl_ray.history.reader import FileReader
from dgtl_ray.history.schema import SCHEMA_VERSION

# Readers that are given a folder take every name without `_` in front for data.
_README_NAME = "_README.md"

_README = """# Measurements of a tuning run

{rows} measurements in {files} Parquet file(s), one row each: a configuration of a layer task of a
neural network, built and timed on a device, or the way in which it failed. {filter}
Schema version {version}. Read them with any of

```python
pandas.read_parquet("{folder}")
polars.read_parquet("{folder}/*.parquet")
duckdb.sql("SELECT * FROM '{folder}/*.parquet'")
```

## Columns

{columns}"""


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What was exported, and which damaged files of the history could not be."""

    out_dir: str
    rows: int
    files: int
    size_bytes: int
    skipped: tuple[str, ...]

    def __str__(self) -> str:
        size_mb = self.size_bytes / 1e6
        text = f"{self.rows} rows, {size_mb:.2f} MB, {self.files} file(s): {self.out_dir}"
        if not self.rows:
            text = f"no row matches: {text}, with columns only"
        damaged = [f"left out, damaged: {path}" for path in self.skipped]
        return "\n".join([text, *damaged])


def export(uri: str, out_dir: str, where: str | None = None) -> ExportReport:
    """Write the rows that `where` admits to a new folder, with a README of the columns.

    Args:
        uri: Of the history.
        out_dir: A folder that does not exist or is empty. It appears whole or not at all.
        where: A condition like `operator == 'conv2d' and cost_s < 0.01`; None for all rows.

    Raises:
        InputError: No such history, a bad condition, a folder that is in use or not writable.
    """
    target = new_folder(out_dir)
    folder = Folder(uri)
    folder.require_files()
    wanted = None if where is None else parse_filter(where)
    # A condition that does not fit is found before anything is written.
    FileReader(folder).read([], [], wanted)
    try:
        written = _write_whole(folder, wanted, target, where)
    except OSError as error:
        raise InputError(f"cannot write {out_dir}: {error}; choose another folder") from error
    files = sorted(target.glob("*.parquet"))
    return ExportReport(
        out_dir=out_dir,
        rows=written.rows,
        files=len(files),
        size_bytes=sum(file.stat().st_size for file in files),
        skipped=tuple(file.path for file in written.skipped),
    )


def new_folder(out_dir: str) -> Path:
    """A folder that is to be written: there is none yet, or an empty one.

    Raises:
        InputError: There is something.
    """
    target = Path(out_dir).expanduser().absolute()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError(f"{target} exists already: name a new or empty folder to export to")
    return target


def _write_whole(folder: Folder, wanted: Any | None, target: Path, where: str | None) -> Written:
    """Write into a hidden folder beside the target, which then takes the target's name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    hidden = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}"
    hidden.mkdir()
    try:
        written = write_plain(folder, wanted, hidden)
        text = _README.format(
            rows=written.rows,
            files=len(list(hidden.iterdir())),
            filter=f"Only rows where `{where}`." if where else "All rows of the history.",
            version=SCHEMA_VERSION,
            folder=target.name,
            columns=columns_as_markdown(),
        )
        (hidden / _README_NAME).write_text(text, encoding="utf-8")
        hidden.rename(target)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return written
