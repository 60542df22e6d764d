"""A run to look at: figures, each a function of a run, and one page of all of them."""

from dgtl_ray.report.page.comparing import comparison_rows
from dgtl_ray.report.page.details import (
    plot_parallel_coordinate,
    plot_param_importances,
    plot_slice,
    plot_tuning_set,
)
from dgtl_ray.report.page.health import findings
from dgtl_ray.report.page.overview import plot_layers, plot_runtimes, plot_search_time
from dgtl_ray.report.page.progress import (
    plot_failures,
    plot_optimization_history,
    plot_predictions,
    plot_timeline,
)
from dgtl_ray.report.page.run_data import RunData, read_run
from dgtl_ray.report.page.writing import write_page

__all__ = [
    "RunData",
    "comparison_rows",
    "findings",
    "plot_failures",
    "plot_layers",
    "plot_optimization_history",
    "plot_parallel_coordinate",
    "plot_param_importances",
    "plot_predictions",
    "plot_runtimes",
    "plot_search_time",
    "plot_slice",
    "plot_timeline",
    "plot_tuning_set",
    "read_run",
    "write_page",
]
