"""`dgtl tune-command`: any program's flags."""

from typing import Annotated

import typer

from dgtl_ray.commands.common import JsonOption, monitor, terminal
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.json_file import check_writable, write_json


def tune_command(
    command: Annotated[
        str, typer.Argument(help="Command with a place for each parameter: 'prog --tile {tile}'.")
    ],
    param: Annotated[
        list[str], typer.Option(help="Values of a parameter: tile=8,16,32 or unroll=1..8.")
    ],
    restrict: Annotated[
        list[str] | None, typer.Option(help="Condition between parameters: 'tile * unroll <= 64'.")
    ] = None,
    metric: Annotated[
        str,
        typer.Option(
            help="Name for the last number that it prints, to optimise instead of its seconds."
        ),
    ] = "",
    maximize: Annotated[
        bool, typer.Option("--maximize", help="Look for the largest --metric, not the smallest.")
    ] = False,
    repeats: Annotated[
        int, typer.Option(min=1, help="Runs of each configuration; the median counts.")
    ] = 3,
    trials: Annotated[int | None, typer.Option(help="Configurations to try.")] = None,
    time_budget: Annotated[str | None, typer.Option(help="Search time: 8m, 90s, 1h30m.")] = None,
    timeout: Annotated[
        str | None, typer.Option(help="Longest time of one configuration: 30s, 2m.")
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(min=1, help="Configurations to run at once; more than one disturbs timing."),
    ] = 1,
    search: Annotated[
        str, typer.Option(help="Search method that proposes configurations.")
    ] = "dgtl",
    task: Annotated[
        str, typer.Option(help="Name of the task in the history; default: the command.")
    ] = "",
    history: Annotated[
        list[str] | None, typer.Option(help="Folder or URI of a history to learn from.")
    ] = None,
    out: Annotated[str | None, typer.Option(help="Folder or URI of the run.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    json_file: JsonOption = None,
) -> None:
    """Find the fastest flags of any program."""
    check_writable(json_file)
    from dgtl_ray.configs import RunConfig, TuneConfig
    from dgtl_ray.core.function import LATENCY
    from dgtl_ray.report import rows_table
    from dgtl_ray.report.units import parse_duration
    from dgtl_ray.run.folder import choose_folder
    from dgtl_ray.run.program import Program, read_flags
    from dgtl_ray.storage import split
    from dgtl_ray.tuner import Tuner

    if maximize and not metric:
        raise InputError("--maximize makes a number large that the program prints: name --metric")
    parameters = read_flags(param)
    program = Program(command, tuple(parameters), metric=metric, repeats=repeats)
    parent, name = split(choose_folder(out, program.label, "command", resume=resume))
    console = terminal()
    grid = Tuner(
        program,
        param_space=parameters,
        restrictions=restrict or (),
        task=task,
        tune_config=TuneConfig(
            num_samples=trials,
            time_budget_s=None if time_budget is None else parse_duration(time_budget),
            trial_timeout_s=None if timeout is None else parse_duration(timeout),
            search_alg=search,
            seed=seed,
            metric=metric or LATENCY,
            mode="max" if maximize else "min",
            max_concurrent_trials=jobs,
        ),
        run_config=RunConfig(name=name, storage_path=parent, monitor=monitor(console)),
        history=history or (),
        resume=resume,
    ).fit()
    console.print(rows_table(grid.best_rows(), f"{program.label}: the best"))
    write_json(json_file, grid.as_dict())
    if grid.num_terminated == 0:
        raise typer.Exit(1)
