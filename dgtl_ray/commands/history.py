"""`dgtl history`: what was measured."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dgtl_ray.commands.common import (
    DimOption,
    Group,
    JsonOption,
    MetricOption,
    ModeOption,
    PrecisionOption,
    ShapeOption,
    terminal,
)
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.json_file import check_writable, write_json
from dgtl_ray.core.precision import OWN, parse_precision

history_app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Look at, check, merge, import and export what was measured.",
)


class ExportFormat(StrEnum):
    """What `dgtl history export` writes."""

    PARQUET = "parquet"
    CSV = "csv"
    KERNEL_TUNER = "kernel-tuner"
    METASCHEDULE = "metaschedule"


UriArgument = Annotated[str, typer.Argument(help="Folder or URI of a history.")]


@history_app.command("ls")
def history_ls(uri: UriArgument) -> None:
    """List what a history holds, by network and task."""
    from dgtl_ray.history import ParquetHistory
    from dgtl_ray.report import rows_table

    history = ParquetHistory(uri)
    history.require_rows()
    terminal().print(rows_table(history.summary()))


@history_app.command("stats")
def history_stats(uri: UriArgument, json_file: JsonOption = None) -> None:
    """Tasks, devices, trials, failures by kind, best latencies, seconds spent."""
    check_writable(json_file)
    from dgtl_ray.history import STATISTICS_COLUMNS, ParquetHistory, statistics
    from dgtl_ray.report import key_value_table, rows_table

    history = ParquetHistory(uri)
    history.require_rows()
    told = statistics(history.scan(columns=STATISTICS_COLUMNS))
    console = terminal()
    console.print(key_value_table((name, str(value)) for name, value in told.facts().items()))
    console.print(rows_table(told.devices, "devices"))
    console.print(rows_table(told.fastest, "tasks"))
    write_json(json_file, asdict(told))


@history_app.command("show")
def history_show(
    uri: UriArgument,
    where: Annotated[
        str | None, typer.Option(help="Condition that rows must meet: cost_s < 0.01")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Number of rows, the fastest first.")] = 20,
) -> None:
    """Show measurements: the fastest of those that a condition admits."""
    from dgtl_ray.history import ParquetHistory
    from dgtl_ray.report import rows_table

    history = ParquetHistory(uri)
    history.require_rows()
    columns = ["task", "device_key", "status", "cost_s", "proposer", "stage", "config", "error"]
    table = history.scan(where=where, columns=columns)
    shown = table.sort_by([("cost_s", "ascending")]).slice(0, rows).to_pylist()
    terminal().print(rows_table(shown, f"{min(rows, table.num_rows)} of {table.num_rows} rows"))


@history_app.command("verify")
def history_verify(uri: UriArgument) -> None:
    """Read every row, and say what is damaged or breaks what its columns promise."""
    from dgtl_ray.history import ParquetHistory, check_history

    history = ParquetHistory(uri)
    history.require_rows()
    found = check_history(history)
    console = terminal()
    for file in found.damaged:
        console.print(f"damaged: {file.path}: {file.reason}", highlight=False, markup=False)
    for promise, count in found.broken.items():
        console.print(f"{count} rows have {promise}", highlight=False, markup=False)
    console.print(f"{found.rows} rows read; {'all is well' if found.ok else 'not all is well'}")
    if not found.ok:
        raise typer.Exit(1)


@history_app.command("merge")
def history_merge(
    uris: Annotated[list[str], typer.Argument(help="Folders or URIs of histories.")],
    into: Annotated[str, typer.Option(help="Folder or URI of the history to add them to.")],
) -> None:
    """Add the rows of histories to another one, each measurement once."""
    from dgtl_ray.history import merge

    _say(merge(uris, into))


@history_app.command("import")
def history_import(
    file: Annotated[Path, typer.Argument(help="File or folder that another tuner wrote.")],
    into: Annotated[str, typer.Option(help="Folder or URI of the history to add it to.")],
    file_format: Annotated[
        str, typer.Option("--format", help="Format of the file; default: detected.")
    ] = "",
    device: Annotated[
        str, typer.Option(help="GPU's name, or host for this CPU, if the file does not say.")
    ] = "",
    metric: MetricOption = "",
    mode: ModeOption = "",
) -> None:
    """Add what another tuner measured: knobs as they are, times in seconds, failures by kind."""
    from dgtl_ray.recorded.formats.task import Hints
    from dgtl_ray.recorded.importing import import_file

    hints = Hints(metric=metric, mode=mode)
    report = import_file(str(file), into, file_format=file_format, device=device, hints=hints)
    _say(report)


@history_app.command("compact")
def history_compact(uri: UriArgument) -> None:
    """Merge a history's small files into few, beside readers and writers."""
    from dgtl_ray.history import ParquetHistory

    history = ParquetHistory(uri)
    history.require_rows()
    merged = history.compact()
    done = f"{merged} files merged" if merged else "nothing to merge"
    terminal().print(f"{history.uri}: {done}", highlight=False, markup=False)


@history_app.command("export")
def history_export(
    uri: UriArgument,
    out: Annotated[
        str, typer.Option(help="New folder; for NAME.parquet, csv and kernel-tuner a new file.")
    ],
    where: Annotated[
        str | None, typer.Option(help="Condition that rows must meet: cost_s < 0.01")
    ] = None,
    file_format: Annotated[
        ExportFormat, typer.Option("--format", help="Format to write.")
    ] = ExportFormat.PARQUET,
    append: Annotated[
        bool,
        typer.Option(
            "--append", help="Add what is new to a folder of Parquet that was exported before."
        ),
    ] = False,
    network: Annotated[
        str, typer.Option(help="For metaschedule: the network to load, if rows call it otherwise.")
    ] = "",
    shape: ShapeOption = None,
    dim: DimOption = None,
    precision: PrecisionOption = OWN,
) -> None:
    """Export a history, for pandas, Polars, DuckDB, spreadsheets, Kernel Tuner or MetaSchedule."""
    parquet, metaschedule = ExportFormat.PARQUET, ExportFormat.METASCHEDULE
    if append and file_format is not parquet:
        raise InputError(f"--append is for --format parquet, not {file_format.value}")
    if (network or shape or dim or precision != OWN) and file_format is not metaschedule:
        raise InputError("--network, --shape, --dim and --precision are for --format metaschedule")
    report: object
    if append:
        from dgtl_ray.history import append_to_dataset

        report = append_to_dataset(uri, out, where)
    elif file_format is parquet:
        from dgtl_ray.history import export

        report = export(uri, out, where)
    elif file_format is ExportFormat.CSV:
        from dgtl_ray.history import export_csv

        report = export_csv(uri, out, where)
    elif file_format is ExportFormat.KERNEL_TUNER:
        from dgtl_ray.recorded.kernel_tuner_export import export_kernel_tuner

        report = export_kernel_tuner(uri, out, where)
    else:
        from dgtl_ray.core.shapes import parse_shapes
        from dgtl_ray.run.metaschedule_export import export_metaschedule

        report = export_metaschedule(
            uri,
            out,
            where,
            network=network,
            shapes=parse_shapes(shape or (), dim or ()),
            precision=parse_precision(precision),
        )
    _say(report)


def _say(report: object) -> None:
    """Print what was done, a line for each thing, as it is."""
    terminal().print(str(report), highlight=False, markup=False, soft_wrap=True)
