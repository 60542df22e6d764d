"""`dgtl report` and `dgtl compare`: runs to look at."""

import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from dgtl_ray.commands.common import terminal
from dgtl_ray.core.json_file import check_writable

if TYPE_CHECKING:
    from dgtl_ray.report import RunData

RunsArgument = Annotated[list[str], typer.Argument(help="Folders or URIs of runs.")]


def report(
    runs: RunsArgument,
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("report.html"),
    open_it: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
) -> None:
    """Write one self-contained page of figures: what was won, how the search went, what matters."""
    check_writable(out, "--out")
    from dgtl_ray.report import read_run, write_page

    console = terminal()
    read = [read_run(run) for run in runs]
    size = write_page(read, out)
    _tell_findings(console, runs, read)
    _say(console, f"{out}: {size / 1e6:.1f} MB")
    if open_it:
        webbrowser.open(out.absolute().as_uri())


def compare(
    runs: RunsArgument,
    out: Annotated[
        Path | None, typer.Option(help="HTML file to write the comparison to, too.")
    ] = None,
) -> None:
    """Put runs side by side: latency, trials, failures, and what it took to come near the best."""
    check_writable(out, "--out")
    from dgtl_ray.report import comparison_rows, read_run, rows_table, write_page

    console = terminal()
    read = [read_run(run) for run in runs]
    console.print(rows_table(comparison_rows(read)))
    _tell_findings(console, runs, read)
    if out is not None:
        _say(console, f"{out}: {write_page(read, out) / 1e6:.1f} MB")


def _tell_findings(console: Console, runs: Sequence[str], read: "Sequence[RunData]") -> None:
    from dgtl_ray.report import findings

    for run, data in zip(runs, read, strict=True):
        for word in findings(data):
            _say(console, f"{run}: {word}")


def _say(console: Console, text: str) -> None:
    """Print text that users wrote parts of."""
    console.print(text, highlight=False, markup=False, emoji=False, soft_wrap=True)
