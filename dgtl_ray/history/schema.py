"""The Parquet schema of a history, and its version."""

from typing import Any

import pyarrow as pa

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.columns import COLUMNS

# Raise it with every change of a column's name, type or meaning.
SCHEMA_VERSION = 1
_VERSION_KEY = b"dgtl_ray.schema_version"

SCHEMA: Any = pa.schema(
    [pa.field(column.name, column.type, nullable=bool(column.null)) for column in COLUMNS],
    metadata={_VERSION_KEY: str(SCHEMA_VERSION).encode()},
)


class ForeignFileError(Exception):
    """A Parquet file that no history wrote."""


def require_version(schema: Any, path: str) -> None:
    """Check that a file's schema is the one that this program reads.

    Raises:
        ForeignFileError: The file names no version: it is not part of a history.
        InputError: It was written with another version of the schema.
    """
    version = (schema.metadata or {}).get(_VERSION_KEY)
    if version is None:
        raise ForeignFileError("Parquet, but no history wrote it: it names no schema version")
    if version != str(SCHEMA_VERSION).encode():
        raise InputError(
            f"{path} holds history of schema version {version.decode(errors='replace')}, this"
            f" program reads version {SCHEMA_VERSION}: use the dgtl_ray that wrote it, or give"
            " another folder for the history"
        )
