"""`dgtl replay`: searches without hardware."""

from typing import Annotated

import typer

from dgtl_ray.commands.common import (
    Acquisition,
    AcquisitionOption,
    JsonOption,
    MetricOption,
    ModeOption,
    Search,
    terminal,
)
from dgtl_ray.core.json_file import check_writable, write_json


def replay(
    table: Annotated[
        str,
        typer.Argument(
            help="Another tuner's file of one task, or a history's URI#KEY or URI#KEY@DEVICE_KEY."
        ),
    ],
    history: Annotated[
        list[str] | None, typer.Option(help="Recorded task to learn from, named in the same way.")
    ] = None,
    search: Annotated[
        str, typer.Option(help="Search method that proposes configurations.")
    ] = Search.DGTL.value,
    acquisition: AcquisitionOption = Acquisition.QLOGEI,
    trials: Annotated[int, typer.Option(min=1, help="Trials of each run.")] = 200,
    seeds: Annotated[int, typer.Option(min=1, help="Runs, with seeds 0, 1, …")] = 10,
    history_rows: Annotated[
        int, typer.Option(min=1, help="Rows of each recorded task to learn from, drawn at random.")
    ] = 500,
    batch: Annotated[int, typer.Option(min=1, help="Trials proposed at a time.")] = 8,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that share the runs.")] = 1,
    metric: MetricOption = "",
    mode: ModeOption = "",
    json_file: JsonOption = None,
) -> None:
    """Run a search against a recorded task instead of hardware."""
    from dgtl_ray.bench.tools.replay import replay as replay_table
    from dgtl_ray.recorded.formats.task import Hints
    from dgtl_ray.recorded.tables import read_table
    from dgtl_ray.report import rows_table

    check_writable(json_file)
    hints = Hints(metric=metric, mode=mode)
    report = replay_table(
        read_table(table, hints),
        search,
        trials=trials,
        seeds=range(seeds),
        sources=[read_table(address, hints) for address in history or ()],
        source_rows=history_rows,
        batch=batch,
        jobs=jobs,
        acquisition=acquisition.value,
    )
    title = f"{report.table}, {search}: best/optimum over {seeds} seeds"
    terminal().print(rows_table(report.rows(), title))
    write_json(json_file, report.as_dict())
