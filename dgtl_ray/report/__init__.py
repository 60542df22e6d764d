"""What a person sees of a run: the live table, plain lines, the final summary, figures, a page.

The names below are loaded when they are first used: a summary needs TVM, a table of text does not.
"""

from typing import TYPE_CHECKING

from dgtl_ray.core.lazy import on_first_use

if TYPE_CHECKING:
    from dgtl_ray.report.checks import print_check
    from dgtl_ray.report.live import LiveMonitor
    from dgtl_ray.report.page.comparing import comparison_rows
    from dgtl_ray.report.page.details import (
        plot_parallel_coordinate,
        plot_param_importances,
        plot_slice,
        plot_tuning_set,
    )
    from dgtl_ray.report.page.health import findings
    from dgtl_ray.report.page.overview import plot_layers, plot_runtimes, plot_search_time
    from dgtl_ray.report.page.predictions import plot_calibration, plot_predictions
    from dgtl_ray.report.page.progress import (
        plot_failures,
        plot_optimization_history,
        plot_timeline,
    )
    from dgtl_ray.report.page.run_data import RunData, read_run
    from dgtl_ray.report.page.sources import plot_sources
    from dgtl_ray.report.page.writing import write_page
    from dgtl_ray.report.plain import PlainMonitor
    from dgtl_ray.report.summary import print_summary
    from dgtl_ray.report.tables import key_value_table, rows_table, source_rows, tuning_table

_HOME = {
    "LiveMonitor": "dgtl_ray.report.live",
    "PlainMonitor": "dgtl_ray.report.plain",
    "RunData": "dgtl_ray.report.page.run_data",
    "comparison_rows": "dgtl_ray.report.page.comparing",
    "findings": "dgtl_ray.report.page.health",
    "key_value_table": "dgtl_ray.report.tables",
    "plot_calibration": "dgtl_ray.report.page.predictions",
    "plot_failures": "dgtl_ray.report.page.progress",
    "plot_layers": "dgtl_ray.report.page.overview",
    "plot_optimization_history": "dgtl_ray.report.page.progress",
    "plot_parallel_coordinate": "dgtl_ray.report.page.details",
    "plot_param_importances": "dgtl_ray.report.page.details",
    "plot_predictions": "dgtl_ray.report.page.predictions",
    "plot_runtimes": "dgtl_ray.report.page.overview",
    "plot_search_time": "dgtl_ray.report.page.overview",
    "plot_slice": "dgtl_ray.report.page.details",
    "plot_sources": "dgtl_ray.report.page.sources",
    "plot_timeline": "dgtl_ray.report.page.progress",
    "plot_tuning_set": "dgtl_ray.report.page.details",
    "print_check": "dgtl_ray.report.checks",
    "print_summary": "dgtl_ray.report.summary",
    "read_run": "dgtl_ray.report.page.run_data",
    "rows_table": "dgtl_ray.report.tables",
    "source_rows": "dgtl_ray.report.tables",
    "tuning_table": "dgtl_ray.report.tables",
    "write_page": "dgtl_ray.report.page.writing",
}

__all__ = [
    "LiveMonitor",
    "PlainMonitor",
    "RunData",
    "comparison_rows",
    "findings",
    "key_value_table",
    "plot_calibration",
    "plot_failures",
    "plot_layers",
    "plot_optimization_history",
    "plot_parallel_coordinate",
    "plot_param_importances",
    "plot_predictions",
    "plot_runtimes",
    "plot_search_time",
    "plot_slice",
    "plot_sources",
    "plot_timeline",
    "plot_tuning_set",
    "print_check",
    "print_summary",
    "read_run",
    "rows_table",
    "source_rows",
    "tuning_table",
    "write_page",
]

__getattr__ = on_first_use(__name__, _HOME)


def __dir__() -> list[str]:
    return list(__all__)
