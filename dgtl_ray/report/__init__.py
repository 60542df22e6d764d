"""What a person sees of a run: the live table, plain lines, the final summary.

The names below are loaded when they are first used: a summary needs TVM, a table of text does not.
"""

from typing import TYPE_CHECKING

from dgtl_ray.core.lazy import on_first_use

if TYPE_CHECKING:
    from dgtl_ray.report.checks import print_check
    from dgtl_ray.report.live import LiveMonitor
    from dgtl_ray.report.plain import PlainMonitor
    from dgtl_ray.report.summary import print_summary
    from dgtl_ray.report.tables import key_value_table, rows_table, source_rows, tuning_table

_HOME = {
    "LiveMonitor": "dgtl_ray.report.live",
    "PlainMonitor": "dgtl_ray.report.plain",
    "key_value_table": "dgtl_ray.report.tables",
    "print_check": "dgtl_ray.report.checks",
    "print_summary": "dgtl_ray.report.summary",
    "rows_table": "dgtl_ray.report.tables",
    "source_rows": "dgtl_ray.report.tables",
    "tuning_table": "dgtl_ray.report.tables",
}

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

__getattr__ = on_first_use(__name__, _HOME)
