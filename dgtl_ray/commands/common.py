"""What commands share: the terminal, and options that several have."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.progress import Monitor

JsonOption = Annotated[
    Path | None, typer.Option("--json", help="File to write the result to, as JSON.")
]
NetworkArgument = Annotated[
    str, typer.Argument(help="Network: a built-in name, an ONNX file, or package.module:factory.")
]
TargetOption = Annotated[
    str, typer.Option(help="Hardware to compile for: cpu, cuda, or a TVM target as JSON.")
]
ShapeOption = Annotated[
    list[str] | None,
    typer.Option("--shape", help="Shape of an ONNX file's input: image=1,3,224,224."),
]
DimOption = Annotated[
    list[str] | None,
    typer.Option("--dim", help="Size of a dimension that an ONNX file names: batch=8."),
]
PrecisionOption = Annotated[
    str, typer.Option(help="Number format: own (the network's), or float16, for a float32 network.")
]


class Search(StrEnum):
    """Proposers that `--search` takes."""

    RANDOM = "random"
    EVOLUTIONARY = "evolutionary"
    AUTOTVM = "autotvm"
    CHAMELEON = "chameleon"
    DGTL = "dgtl"


class Acquisition(StrEnum):
    """What `--acquisition` takes."""

    QLOGEI = "qlogei"
    QLOGNEI = "qlognei"
    UCB = "ucb"
    THOMPSON = "thompson"
    MES = "mes"


# Of files that other tuners wrote.
MetricOption = Annotated[
    str, typer.Option(help="Name of the number to optimise, if the file does not say.")
]
ModeOption = Annotated[
    str, typer.Option(help="min or max: whether a small or a large --metric is good.")
]
AcquisitionOption = Annotated[
    Acquisition, typer.Option(help="BoTorch's rule by which the dgtl search chooses batches.")
]


class Group(TyperGroup):
    """Turns our errors into one message and exit status 2, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except DgtlError as error:
            Console(stderr=True).print(
                f"dgtl: {error}", style="red", highlight=False, markup=False, soft_wrap=True
            )
            raise typer.Exit(2) from error


def terminal() -> Console:
    """The terminal; a pipe gets lines wide enough for the tables."""
    return Console() if sys.stdout.isatty() else Console(width=160)


def monitor(console: Console) -> Monitor:
    """What shows a run on it; without a terminal lines, every `DGTL_PLAIN_INTERVAL_S` seconds."""
    from dgtl_ray.report import LiveMonitor, PlainMonitor

    if console.is_terminal:
        return LiveMonitor(console)
    return PlainMonitor(console, float(os.environ.get("DGTL_PLAIN_INTERVAL_S", "15")))
