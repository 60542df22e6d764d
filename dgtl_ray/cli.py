"""`dgtl`: every command, in the order in which the help names them."""

from collections.abc import Callable
from typing import Annotated

import typer

from dgtl_ray import __version__
from dgtl_ray.commands.bench import bench_app
from dgtl_ray.commands.common import Group
from dgtl_ray.commands.history import history_app
from dgtl_ray.commands.machine import devices, doctor
from dgtl_ray.commands.network import check, tasks
from dgtl_ray.commands.replay import replay
from dgtl_ray.commands.report import compare, report
from dgtl_ray.commands.tune_command import tune_command
from dgtl_ray.commands.tuning import pretrain, run, tune

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_FIRST: tuple[Callable[..., None], ...] = (check, tasks, tune, pretrain, run, report, compare)
_LAST: tuple[Callable[..., None], ...] = (devices, doctor)

for command in _FIRST:
    app.command()(command)
app.command("tune-command")(tune_command)
app.add_typer(history_app, name="history")
app.command()(replay)
app.add_typer(bench_app, name="bench")
for command in _LAST:
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dgtl {__version__}")
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Makes trained neural networks run faster on your hardware."""
