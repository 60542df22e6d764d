"""`dgtl`: one thin function a command."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dgtl_ray import __version__
from dgtl_ray.commands.common import (
    DimOption,
    Group,
    JsonOption,
    NetworkArgument,
    PrecisionOption,
    ShapeOption,
    TargetOption,
    monitor,
    terminal,
)
from dgtl_ray.commands.history import history_app
from dgtl_ray.commands.network import check, tasks
from dgtl_ray.commands.report import compare, report
from dgtl_ray.commands.tune_command import tune_command
from dgtl_ray.core.json_file import check_writable, write_json


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


app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(history_app, name="history")
app.command()(tasks)
app.command()(check)
app.command("tune-command")(tune_command)
app.command()(report)
app.command()(compare)

AcquisitionOption = Annotated[
    Acquisition, typer.Option(help="What dgtl chooses batches by: a BoTorch acquisition function.")
]


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


@app.command()
def tune(
    network: NetworkArgument,
    target: TargetOption = "cpu",
    shape: ShapeOption = None,
    dim: DimOption = None,
    trials: Annotated[int | None, typer.Option(help="Trials over all layers.")] = None,
    time_budget: Annotated[str | None, typer.Option(help="Search time: 8m, 90s, 1h30m.")] = None,
    min_gain: Annotated[
        float, typer.Option(help="End when this share of latency, or less, is left to gain.")
    ] = 0.01,
    search: Annotated[Search, typer.Option(help="Who proposes.")] = Search.DGTL,
    acquisition: AcquisitionOption = Acquisition.QLOGEI,
    history: Annotated[list[str] | None, typer.Option(help="History to learn from.")] = None,
    model: Annotated[Path | None, typer.Option(help="Model that pretrain made.")] = None,
    record: Annotated[
        str | None, typer.Option(help="History to add to; the run's own in --out by default.")
    ] = None,
    out: Annotated[str | None, typer.Option(help="Folder or URI of the run.")] = None,
    seed: Annotated[int, typer.Option(help="Source of every random choice.")] = 0,
    precision: PrecisionOption = "own",
    exact_math: Annotated[
        bool, typer.Option("--exact-math", help="The C library's exp, erf, …: slow on a CPU.")
    ] = False,
    algorithms: Annotated[
        str, typer.Option(help="How layers may be computed: direct, winograd, matmul, attention.")
    ] = "direct,winograd,matmul,attention",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    compare: Annotated[bool, typer.Option(help="Time the network beside other runtimes.")] = True,
    address: Annotated[str, typer.Option(help="Ray cluster; local starts one here.")] = "local",
    device: Annotated[str, typer.Option(help="Kind of device, where a cluster has several.")] = "",
    json_file: JsonOption = None,
) -> None:
    """Tune a network for a target, then verify the result and show what it won."""
    check_writable(json_file)
    from dgtl_ray.core.algorithms import parse_algorithms
    from dgtl_ray.core.shapes import parse_shapes
    from dgtl_ray.report import print_summary
    from dgtl_ray.report.units import parse_duration
    from dgtl_ray.run.ahead import start_search
    from dgtl_ray.run.folder import choose_folder
    from dgtl_ray.storage import split

    parent, name = split(choose_folder(out, network, target, resume=resume))
    budget_s = None if time_budget is None else parse_duration(time_budget)
    allowed = parse_algorithms(algorithms)
    shapes = parse_shapes(shape or (), dim or ())
    if address == "local" and trials != 0:
        start_search(network, target)
    from dgtl_ray.configs import RunConfig, TuneConfig
    from dgtl_ray.tuner import Tuner

    console = terminal()
    tuner = Tuner(
        network,
        target=target,
        tune_config=TuneConfig(
            num_samples=trials,
            time_budget_s=budget_s,
            min_gain=min_gain,
            search_alg=search.value,
            acquisition=acquisition.value,
            seed=seed,
            exact_math=exact_math,
            precision=precision,
            algorithms=allowed,
        ),
        run_config=RunConfig(
            name=name,
            storage_path=parent,
            history=record,
            compare=compare,
            monitor=monitor(console),
            address=address,
            device=device,
        ),
        history=history or (),
        model=model,
        shapes=shapes.inputs,
        dims=shapes.dims,
        resume=resume,
    )
    grid = tuner.fit()
    print_summary(console, grid)
    write_json(json_file, grid.as_dict())
    if not grid.summary.verified:
        raise typer.Exit(1)


@app.command()
def pretrain(
    history: Annotated[list[str], typer.Argument(help="Histories to learn from.")],
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
    target: TargetOption = "cpu",
    rows: Annotated[int, typer.Option(min=8, help="Measurements to learn from at most.")] = 100_000,
) -> None:
    """Learn from histories beforehand: dgtl tune --model then starts from what was learned."""
    from dgtl_ray.model import target_kind
    from dgtl_ray.report import rows_table, source_rows
    from dgtl_ray.run.knowledge import pretrain_histories

    console = terminal()
    kind = target_kind(target)
    sources = pretrain_histories(history, kind, out, monitor(console), rows)
    console.print(rows_table(source_rows(sources), f"{out}: learned from"))


@app.command()
def run(
    directory: Annotated[str, typer.Argument(help="Folder or URI of a module, or of a run.")],
    input_file: Annotated[
        list[Path] | None, typer.Option("--input", help="Input as .npy, one for each input.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the first output there.")] = None,
    threads: Annotated[int | None, typer.Option(help="How many run it on a CPU.")] = None,
) -> None:
    """Run a tuned module once and show its outputs."""
    from dgtl_ray.deploy.command import run_module
    from dgtl_ray.report import rows_table

    rows = run_module(directory, input_file or [], output, threads)
    terminal().print(rows_table(rows))


@app.command()
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


@app.command()
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
    seed: Annotated[int | None, typer.Option(help="Of random graphs.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="How many random graphs.")] = None,
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
    }
    options = {option: value for option, value in given.items() if value not in (None, [])}
    report = run_bench(name.value, quick=quick, **options)
    console = terminal()
    for table in report.tables:
        console.print(rows_table(table.rows, table.title))
    console.print(key_value_table(report.facts()))
    write_json(json_file, report.as_dict())


@app.command()
def devices(
    address: Annotated[str, typer.Option(help="Ray cluster.")] = "auto",
    json_file: JsonOption = None,
) -> None:
    """List the devices of a cluster, what each does, and how it failed."""
    from dgtl_ray.engine.inventory import list_devices
    from dgtl_ray.report import rows_table

    rows = list_devices(address)
    shown = [{title: row[title] for title in row if title != "descriptor"} for row in rows]
    terminal().print(rows_table(shown))
    write_json(json_file, rows)


@app.command()
def doctor() -> None:
    """Say what this machine has, and what is missing for which feature."""
    from dgtl_ray.measure import diagnose
    from dgtl_ray.report import rows_table

    terminal().print(rows_table([asdict(finding) for finding in diagnose()]))
