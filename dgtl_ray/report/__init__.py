"""What a person sees of a run: the live table, plain lines, the final summary."""

from dgtl_ray.report.checks import print_check
from dgtl_ray.report.live import LiveMonitor
from dgtl_ray.report.plain import PlainMonitor
from dgtl_ray.report.summary import print_summary
from dgtl_ray.report.tables import key_value_table, rows_table, source_rows, tuning_table

__all__ = [
    "LiveMonitor",
    "PlainMonitor",
    "key_value_table",
    "print_check",
    "print_summary",
    "rows_table",
    "source_rows",
    "tuning_table",
]
