"""Every measurement, kept as a Parquet dataset. `docs/history.md` explains its columns."""

from dgtl_ray.history.best import BestConfig, select_best
from dgtl_ray.history.checking import Soundness, check_history
from dgtl_ray.history.csv_export import export_csv
from dgtl_ray.history.dataset_export import Appended, append_to_dataset
from dgtl_ray.history.export import ExportReport, export
from dgtl_ray.history.exported import Exported, paths_of, require_some, with_damage
from dgtl_ray.history.filter_text import parse_filter
from dgtl_ray.history.filters import row_filter
from dgtl_ray.history.folder import BUILTIN
from dgtl_ray.history.merging import Merged, add_rows, merge
from dgtl_ray.history.new_places import new_file, new_folder, whole_file, whole_folder
from dgtl_ray.history.protocol import HistoryStore
from dgtl_ray.history.reader import SkippedFile
from dgtl_ray.history.recall import recall_fastest
from dgtl_ray.history.schema import SCHEMA, SCHEMA_VERSION
from dgtl_ray.history.sources import (
    SourceKey,
    SourceQuery,
    read_sources,
    why_unusable,
    why_unusable_for_function,
)
from dgtl_ray.history.spool import SpooledHistory
from dgtl_ray.history.statistics import STATISTICS_COLUMNS, Statistics, statistics
from dgtl_ray.history.store import ParquetHistory

__all__ = [
    "BUILTIN",
    "SCHEMA",
    "SCHEMA_VERSION",
    "STATISTICS_COLUMNS",
    "Appended",
    "BestConfig",
    "ExportReport",
    "Exported",
    "HistoryStore",
    "Merged",
    "ParquetHistory",
    "SkippedFile",
    "Soundness",
    "SourceKey",
    "SourceQuery",
    "SpooledHistory",
    "Statistics",
    "add_rows",
    "append_to_dataset",
    "check_history",
    "export",
    "export_csv",
    "merge",
    "new_file",
    "new_folder",
    "parse_filter",
    "paths_of",
    "read_sources",
    "recall_fastest",
    "require_some",
    "row_filter",
    "select_best",
    "statistics",
    "whole_file",
    "whole_folder",
    "why_unusable",
    "why_unusable_for_function",
    "with_damage",
]
