"""What ships with the package: measurements of well-known networks, and a model of them.

`python -m dgtl_ray.bench.tools.shipping HISTORY…` makes both anew, when a release is prepared.
"""

from collections.abc import Sequence
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from shutil import rmtree
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.progress import Monitor
from dgtl_ray.history import BUILTIN, SCHEMA, ParquetHistory

_HOME = Path(str(files("dgtl_ray") / BUILTIN))
# Rows say that they are of another machine of that name, so that no run takes them for its own.
_ELSEWHERE = "#builtin"
# Timings vary more than this, and shorter numbers take a quarter of the space.
_DIGITS = 4
_KINDS = ("cpu", "cuda")
_MODEL_ROWS = 6000
# Of a wheel.
MOST_BYTES = 8_000_000


def builtin_model(kind: str) -> Path | None:
    """Folder of the model for a kind of target, None where none ships.

    Args:
        kind: `cpu` or `cuda`.
    """
    folder = _HOME / f"model-{kind}"
    return folder if folder.is_dir() else None


def model_of(histories: Sequence[str], model: Path | None, search: str, kind: str) -> Path | None:
    """The model that a search starts from: what ships alone is learned already.

    Args:
        histories: Their addresses, as the user names them.
        model: The user's own, None where there is none.
        search: Name of the proposer; `dgtl` alone has a model.
        kind: Of the target: `cpu` or `cuda`.
    """
    shipped = model is None and search == "dgtl" and list(histories) == [BUILTIN]
    return builtin_model(kind) if shipped else model


def ship(uris: Sequence[str], monitor: Monitor) -> None:
    """Replace what ships by all measurements of some histories, and models of them.

    Raises:
        InputError: A history cannot be read, or all of it is more than may ship; then what ships
            stays as it is.
    """
    from dgtl_ray.run.knowledge import pretrain_histories

    rows = as_of_elsewhere(pa.concat_tables([ParquetHistory(uri).scan() for uri in uris]))
    fresh = _HOME.with_name(f".{BUILTIN}")
    rmtree(fresh, ignore_errors=True)
    history = fresh / "history"
    write_small(rows, history)
    for kind in _KINDS:
        if any(key.startswith(f"{kind}/") for key in _column(rows, "device_key")):
            pretrain_histories([str(history)], kind, fresh / f"model-{kind}", monitor, _MODEL_ROWS)
    size_bytes = packed_bytes(fresh)
    monitor.note(f"{rows.num_rows} measurements; with models {size_bytes / 1e6:.1f} MB packed")
    if size_bytes > MOST_BYTES:
        raise InputError(
            f"{fresh} takes more than {MOST_BYTES / 1e6:.0f} MB of a wheel: ship fewer rows"
        )
    rmtree(_HOME, ignore_errors=True)
    fresh.rename(_HOME)


def write_small(rows: Any, folder: Path) -> int:
    """Write rows of history into a new folder, as small as can be; its bytes."""
    folder.mkdir(parents=True)
    file = folder / "measurements.parquet"
    pq.write_table(rows, file, compression="zstd", compression_level=19, row_group_size=8192)
    return file.stat().st_size


def packed_bytes(folder: Path) -> int:
    """What the files of a folder take in a wheel, which is a ZIP archive."""
    with ZipFile(BytesIO(), "w", ZIP_DEFLATED) as wheel:
        for file in folder.rglob("*"):
            wheel.write(file, file.relative_to(folder))
        return sum(one.compress_size for one in wheel.infolist())


def as_of_elsewhere(rows: Any) -> Any:
    """The rows, each once, in the order that is read fastest and takes least space."""
    ids = rows.column("measurement_id").to_numpy(zero_copy_only=False)
    rows = rows.take(np.unique(ids, return_index=True)[1])
    keys = [f"{key.removesuffix(_ELSEWHERE)}{_ELSEWHERE}" for key in _column(rows, "device_key")]
    repeats = [[_short(seconds) for seconds in times] for times in _column(rows, "repeats_s")]
    for name, values in (("device_key", keys), ("repeats_s", repeats)):
        at = SCHEMA.get_field_index(name)
        rows = rows.set_column(at, SCHEMA.field(name), pa.array(values, SCHEMA.field(name).type))
    order = [("workload_key", "ascending"), ("created_at", "ascending")]
    return rows.sort_by(order).replace_schema_metadata(SCHEMA.metadata)


def _column(rows: Any, name: str) -> list[Any]:
    values: list[Any] = rows.column(name).to_pylist()
    return values


def _short(seconds: float) -> float:
    return float(np.format_float_positional(seconds, _DIGITS, fractional=False))
