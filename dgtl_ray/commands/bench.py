"""`dgtl bench` and `replay`: the experiments behind our figures; searches without hardware."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dgtl_ray.commands.common import (
    Acquisition,
    AcquisitionOption,
    JsonOption,
    Search,
    terminal,
)
from dgtl_ray.core.json_file import check_writable, write_json


class Bench(StrEnum):
    """Experiments that `dgtl bench` takes."""

    RATE = "rate"
    SPACE = "space"
    NOISE = "noise"
    MATH = "math"
    ALGORITHMS = "algorithms"
    GRAPH = "graph"
    TRANSFER = "transfer"
    ABLATION = "ablation"
    MODEL = "model"
    LAYERS = "layers"
    CUDA = "cuda"
    SCALE = "scale"
    KILLS = "kills"
    NETWORKS = "networks"
    INSIDE = "inside"
    ZOO = "zoo"
    GRAPHS = "graphs"
    SEARCHERS = "searchers"
    HISTORY = "history"
    IMPORTED = "imported"
    OVERHEAD = "overhead"
    SHIPPED = "shipped"
    TABLE1 = "table1"


def replay(
    table: Annotated[str, typer.Argument(help="Kernel Tuner file, or URI#workload.")],
    history: Annotated[list[str] | None, typer.Option(help="Recorded task to learn from.")] = None,
    search: Annotated[str, typer.Option(help="Who proposes.")] = Search.DGTL.value,
    acquisition: AcquisitionOption = Acquisition.QLOGEI,
    trials: Annotated[int, typer.Option(min=1, help="Trials of each run.")] = 200,
    seeds: Annotated[int, typer.Option(min=1, help="Runs, with seeds 0, 1, …")] = 10,
    history_rows: Annotated[int, typer.Option(min=1, help="Random rows of each task.")] = 500,
    batch: Annotated[int, typer.Option(min=1, help="Trials proposed at a time.")] = 8,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that share the runs.")] = 1,
    json_file: JsonOption = None,
) -> None:
    """Run a search against a recorded task instead of hardware."""
    from dgtl_ray.bench.tools.replay import replay as replay_table
    from dgtl_ray.recorded.tables import read_table
    from dgtl_ray.report import rows_table

    check_writable(json_file)
    report = replay_table(
        read_table(table),
        search,
        trials=trials,
        seeds=range(seeds),
        sources=[read_table(address) for address in history or ()],
        source_rows=history_rows,
        batch=batch,
        jobs=jobs,
        acquisition=acquisition.value,
    )
    title = f"{report.table}, {search}: best/optimum over {seeds} seeds"
    terminal().print(rows_table(report.rows(), title))
    write_json(json_file, report.as_dict())


def bench(
    name: Annotated[Bench, typer.Argument(help="The experiment.")],
    networks: Annotated[
        list[str] | None,
        typer.Argument(help="What bench networks compares; architectures of bench zoo."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A smoke run.")] = False,
    tables: Annotated[
        Path | None, typer.Option(help="Folder of recorded kernels to replay.")
    ] = None,
    search: Annotated[
        list[str] | None, typer.Option(help="Search to compare; all of them by default.")
    ] = None,
    runs: Annotated[Path | None, typer.Option(help="Folder that keeps long runs.")] = None,
    history: Annotated[list[str] | None, typer.Option(help="History to learn from.")] = None,
    time_budget: Annotated[str | None, typer.Option(help="Of each run that makes history.")] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Replays of each search; as the experiment has it.")
    ] = None,
    layer: Annotated[
        list[str] | None, typer.Option(help="Layer whose algorithms are compared: NETWORK/NAME.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Configurations of each algorithm.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the figure into this file.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="Another checkout, to be measured in turn with this one.")
    ] = None,
    module: Annotated[
        list[str] | None, typer.Option(help="Tuned module of each network, instead of tuning.")
    ] = None,
    peer: Annotated[
        list[str] | None, typer.Option(help="Runtime to compare with; all by default.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Of every runtime.")] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Turns of every runtime.")] = None,
    busy: Annotated[
        bool | None, typer.Option("--busy/--no-busy", help="Beside a busy program, too.")
    ] = None,
    tuned: Annotated[
        bool | None, typer.Option("--tuned/--no-tuned", help="With a tuned module.")
    ] = None,
    way: Annotated[
        list[str] | None, typer.Option(help="How the zoo comes in: dynamo, torchscript, torch.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of what is made up: graphs, histories.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="How many random graphs.")] = None,
    rows: Annotated[
        list[int] | None, typer.Option(min=1, help="Length of a history that is made up.")
    ] = None,
    show: Annotated[
        bool | None, typer.Option("--show", help="Print what --runs has, and run nothing.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Run an experiment behind a figure that we claim."""
    from dgtl_ray.bench import run_bench
    from dgtl_ray.report import key_value_table, rows_table
    from dgtl_ray.report.units import parse_duration

    check_writable(json_file)
    check_writable(figure, "--figure")
    seconds = None if time_budget is None else parse_duration(time_budget)
    given = {
        "tables": tables,
        "searches": search,
        "runs": runs,
        "history": history,
        "time_budget": seconds,
        "seeds": seeds,
        "layers": layer,
        "trials": trials,
        "figure": figure,
        "against": against,
        "networks": networks,
        "modules": module,
        "peers": peer,
        "threads": threads,
        "rounds": rounds,
        "busy": busy,
        "tuned": tuned,
        "ways": way,
        "seed": seed,
        "count": count,
        "rows": rows,
        "show": show,
    }
    options = {option: value for option, value in given.items() if value not in (None, [])}
    report = run_bench(name.value, quick=quick, **options)
    console = terminal()
    for table in report.tables:
        console.print(rows_table(table.rows, table.title))
    console.print(key_value_table(report.facts()))
    write_json(json_file, report.as_dict())
