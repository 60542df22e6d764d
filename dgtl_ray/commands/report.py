"""`dgtl report` and `dgtl compare`: runs to look at."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from dgtl_ray.commands.common import terminal
from dgtl_ray.core.json_file import check_writable

RunsArgument = Annotated[list[str], typer.Argument(help="Folders or URIs of runs.")]


def report(
    runs: RunsArgument,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("report.html"),
    open_it: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
) -> None:
    """Write one self-contained page of figures: what was won, how the search went, what matters."""
    check_writable(out, "--out")
    from dgtl_ray.report import findings, read_run, write_page

    console = terminal()
    read = [read_run(run) for run in runs]
    size = write_page(read, out)
    for run, data in zip(runs, read, strict=True):
        for word in findings(data):
            console.print(f"{run}: {word}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"{out}: {size / 1e6:.1f} MB", highlight=False)
    if open_it:
        webbrowser.open(out.absolute().as_uri())


def compare(
    runs: RunsArgument,
    out: Annotated[Path | None, typer.Option(help="Write a page of them, too.")] = None,
) -> None:
    """Put runs side by side: latency, trials, failures, and what it took to come near the best."""
    check_writable(out, "--out")
    from dgtl_ray.report import comparison_rows, findings, read_run, rows_table, write_page

    console = terminal()
    read = [read_run(run) for run in runs]
    console.print(rows_table(comparison_rows(read)))
    for run, data in zip(runs, read, strict=True):
        for word in findings(data):
            console.print(f"{run}: {word}", highlight=False, markup=False, soft_wrap=True)
    if out is not None:
        console.print(f"{out}: {write_page(read, out) / 1e6:.1f} MB", highlight=False)
