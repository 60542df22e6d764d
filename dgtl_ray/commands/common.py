"""What commands share: the terminal, and options that several have."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dgtl_ray.core.progress import Monitor

JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the result there as JSON.")]


def terminal() -> Console:
    """The terminal; a pipe gets lines wide enough for the tables."""
    return Console() if sys.stdout.isatty() else Console(width=160)


def monitor(console: Console) -> Monitor:
    """What shows a run on it."""
    from dgtl_ray.report import LiveMonitor, PlainMonitor

    if console.is_terminal:
        return LiveMonitor(console)
    return PlainMonitor(console, float(os.environ.get("DGTL_PLAIN_INTERVAL_S", "15")))
