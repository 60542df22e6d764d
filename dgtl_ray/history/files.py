"""Writes one Parquet file of a history."""

import time
import uuid
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dgtl_ray.history.folder import Folder

# Small enough that one task's rows are found without reading the others', sorted as they are.
_ROW_GROUP_ROWS = 8192


def encode_table(table: Any) -> Any:
    """A table as the bytes of a Parquet file, pages with checksums."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        row_group_size=_ROW_GROUP_ROWS,
        write_page_checksum=True,
        store_schema=True,
    )
    return sink.getvalue()


def add_file(folder: Folder, table: Any) -> None:
    """Add a table as a new file; names sort by time, and no two writers share one."""
    name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:12]}.parquet"
    folder.put(name, encode_table(table))
