"""`dgtl bench`: the experiments behind our figures, a command each."""

from pathlib import Path
from typing import Annotated, Any

import typer

from dgtl_ray.commands.common import Group, JsonOption, terminal
from dgtl_ray.core.json_file import check_writable, write_json

bench_app = typer.Typer(
    cls=Group, no_args_is_help=True, help="Run an experiment behind a figure that we claim."
)

Networks = Annotated[
    list[str] | None, typer.Argument(help="Networks; default: all of the experiment's.")
]
Quick = Annotated[bool, typer.Option("--quick", help="Run very little: to see that it works.")]
Tables = Annotated[
    Path | None, typer.Option(help="Folder of one kernel's Kernel Tuner files, one a device.")
]
Searches = Annotated[
    list[str] | None, typer.Option("--search", help="Search to compare; default: all.")
]
Runs = Annotated[
    Path | None, typer.Option(help="Folder that keeps what takes long, for the next time.")
]
Histories = Annotated[
    list[str] | None, typer.Option("--history", help="Folder or URI of a history to learn from.")
]
TimeBudget = Annotated[str | None, typer.Option(help="Time of each search: 8m, 90s, 1h30m.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="Runs of each search, with seeds 0, 1, …")]
Seed = Annotated[int | None, typer.Option(min=0, help="Random seed of the generated data.")]
Trials = Annotated[int | None, typer.Option(min=1, help="Trials of each search.")]
Rounds = Annotated[int | None, typer.Option(min=1, help="Timing rounds of each contender.")]
Figure = Annotated[
    Path | None, typer.Option(help="HTML file to draw a figure in; needs the report extra.")
]


@bench_app.command()
def ablation(
    tables: Tables = None,
    search: Annotated[
        list[str] | None,
        typer.Option("--search", help="Variant to compare with the whole; default: all."),
    ] = None,
    seeds: Seeds = None,
    figure: Figure = None,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """What each part of `dgtl` is worth: the whole beside the whole without one part."""
    _run("ablation", quick, json_file, tables=tables, searches=search, seeds=seeds, figure=figure)


@bench_app.command()
def algorithms(
    layer: Annotated[
        list[str] | None,
        typer.Option(help="Layer, as NETWORK/NAME; default: two each of ResNet-18 and VGG-16."),
    ] = None,
    trials: Trials = None,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """What each algorithm is worth, layer by layer: the best of some configurations of each."""
    _run("algorithms", quick, json_file, layers=layer, trials=trials)


@bench_app.command()
def cuda(quick: Quick = False, json_file: JsonOption = None) -> None:
    """Builds for CUDA on a machine without a GPU: whether all succeed, and how long they take."""
    _run("cuda", quick, json_file)


@bench_app.command()
def graph(quick: Quick = False, json_file: JsonOption = None) -> None:
    """What the rewriting of graphs saves: layers, and bytes that they move."""
    _run("graph", quick, json_file)


@bench_app.command()
def graphs(
    seed: Seed = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="Number of graphs; default: 500.")
    ] = None,
    runs: Runs = None,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """Random small ONNX graphs, imported, compiled and run: how many give the right answers."""
    _run("graphs", quick, json_file, seed=seed, count=count, runs=runs)


@bench_app.command()
def history(
    rows: Annotated[
        list[int] | None, typer.Option(min=1, help="Rows of a generated history.")
    ] = None,
    seed: Seed = None,
    runs: Runs = None,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """How long a large history takes: rows, statistics, export, import; DuckDB beside it."""
    _run("history", quick, json_file, rows=rows, seed=seed, runs=runs)


@bench_app.command()
def imported(
    tables: Tables = None,
    search: Annotated[
        list[str] | None, typer.Option("--search", help="Search to replay; default: dgtl.")
    ] = None,
    seeds: Seeds = None,
    trials: Trials = None,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """Transfer across formats: another tuner's files imported, then another device searched."""
    _run("imported", quick, json_file, tables=tables, searches=search, seeds=seeds, trials=trials)


@bench_app.command()
def inside(
    runs: Annotated[
        Path | None,
        typer.Option(help="Folder of a finished run, of a built-in network or a factory's."),
    ] = None,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """What a tuned network's layers take alone, and inside the network."""
    _run("inside", quick, json_file, runs=runs)


@bench_app.command()
def kills(quick: Quick = False, json_file: JsonOption = None) -> None:
    """`kill -9` at random: does a run lose or repeat a measurement?"""
    _run("kills", quick, json_file)


@bench_app.command()
def layers(
    runs: Runs = None,
    history: Histories = None,
    time_budget: TimeBudget = None,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """How soon `dgtl` with history finds what a long evolutionary search finds."""
    _run("layers", quick, json_file, runs=runs, history=history, time_budget=time_budget)


@bench_app.command()
def math(quick: Quick = False, json_file: JsonOption = None) -> None:
    """Transcendental functions on CPUs: their largest error, and their speed."""
    _run("math", quick, json_file)


@bench_app.command()
def model(quick: Quick = False, json_file: JsonOption = None) -> None:
    """What the model costs: seconds of pre-training, and of choosing a batch."""
    _run("model", quick, json_file)


@bench_app.command()
def networks(
    networks: Annotated[
        list[str] | None,
        typer.Argument(
            help="Built-in names, ONNX files, factories, or resnet50, squeezenet, vit_tiny,"
            " bert_small."
        ),
    ] = None,
    module: Annotated[
        list[str] | None, typer.Option(help="Folder of a tuned module, one for each network.")
    ] = None,
    peer: Annotated[
        list[str] | None, typer.Option(help="Runtime to compare with; default: all.")
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(help="Folder that keeps what takes long; default: runs/networks.")
    ] = None,
    history: Histories = None,
    time_budget: Annotated[
        str | None, typer.Option(help="Time of each search: 8m, 90s, 1h30m; default: 15m.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of every runtime; default: all cores.")
    ] = None,
    rounds: Rounds = None,
    busy: Annotated[
        bool, typer.Option(help="Time beside a program that keeps a core busy, too.")
    ] = True,
    tuned: Annotated[
        bool, typer.Option(help="Time a tuned module beside the other runtimes.")
    ] = True,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """Whole networks: tuned modules beside the runtimes that users have."""
    _run(
        "networks",
        quick,
        json_file,
        networks=networks,
        modules=module,
        peers=peer,
        runs=runs,
        history=history,
        time_budget=time_budget,
        threads=threads,
        rounds=rounds,
        busy=busy,
        tuned=tuned,
    )


@bench_app.command()
def noise(quick: Quick = False, json_file: JsonOption = None) -> None:
    """How far two timings of one configuration lie apart, when a run comes back to it later."""
    _run("noise", quick, json_file)


@bench_app.command()
def overhead(
    trials: Trials = None, rounds: Rounds = None, quick: Quick = False, json_file: JsonOption = None
) -> None:
    """What a trial costs beyond the function tuned: here, in `ray.tune.Tuner`, in Optuna."""
    _run("overhead", quick, json_file, trials=trials, rounds=rounds)


@bench_app.command()
def rate(
    against: Annotated[
        Path | None, typer.Option(help="Folder of another checkout, to measure in turn.")
    ] = None,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """Measured trials per second: this engine against TVM's MetaSchedule, side by side."""
    _run("rate", quick, json_file, against=against)


@bench_app.command()
def scale(quick: Quick = False, json_file: JsonOption = None) -> None:
    """What the engine costs, and how many simulated devices it keeps busy."""
    _run("scale", quick, json_file)


@bench_app.command()
def searchers(
    tables: Tables = None,
    search: Searches = None,
    seeds: Seeds = None,
    trials: Trials = None,
    runs: Runs = None,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """Ray Tune's searchers on recorded kernels: trials until one is within 5 % of the best."""
    _run(
        "searchers",
        quick,
        json_file,
        tables=tables,
        searches=search,
        seeds=seeds,
        trials=trials,
        runs=runs,
    )


@bench_app.command()
def shipped(
    networks: Networks = None,
    runs: Runs = None,
    time_budget: TimeBudget = None,
    rounds: Rounds = None,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """How much search the history that ships saves, on networks that are not in it."""
    _run(
        "shipped",
        quick,
        json_file,
        networks=networks,
        runs=runs,
        time_budget=time_budget,
        rounds=rounds,
    )


@bench_app.command()
def space(quick: Quick = False, json_file: JsonOption = None) -> None:
    """Design spaces: how fast they are encoded and sampled, and what TVM accepts of them."""
    _run("space", quick, json_file)


@bench_app.command()
def table1(
    networks: Networks = None,
    search: Searches = None,
    history: Histories = None,
    runs: Runs = None,
    seeds: Seeds = None,
    time_budget: Annotated[
        str | None, typer.Option(help="Longest time of our search: 8m, 90s, 1h30m; default: 8m.")
    ] = None,
    layer_trials: Annotated[
        int | None,
        typer.Option(
            min=1, help="Trials of each rival, times the layers of a network; default: 300."
        ),
    ] = None,
    show: Annotated[
        bool,
        typer.Option(
            "--show", help="Print the table kept in --runs, or the published one, and run nothing."
        ),
    ] = False,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """The paper's table: four networks, search time and latency of ours and of others."""
    _run(
        "table1",
        quick,
        json_file,
        networks=networks,
        searches=search,
        history=history,
        runs=runs,
        seeds=seeds,
        time_budget=time_budget,
        layer_trials=layer_trials,
        show=show,
    )


@bench_app.command()
def transfer(
    tables: Tables = None,
    search: Searches = None,
    seeds: Seeds = None,
    runs: Runs = None,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """Transfer between devices: each recorded task is the target, the others its history."""
    _run("transfer", quick, json_file, tables=tables, searches=search, seeds=seeds, runs=runs)


@bench_app.command()
def zoo(
    networks: Networks = None,
    way: Annotated[
        list[str] | None, typer.Option(help="Way in: dynamo, torchscript or torch; default: all.")
    ] = None,
    trials: Trials = None,
    runs: Runs = None,
    quick: Quick = False,
    json_file: JsonOption = None,
) -> None:
    """Tiny forms of common architectures, each imported in three ways, tuned, run and checked."""
    _run("zoo", quick, json_file, networks=networks, ways=way, trials=trials, runs=runs)


def _run(name: str, quick: bool, json_file: Path | None, **options: Any) -> None:
    """Run an experiment with the options that were given; print its report, and keep it."""
    from dgtl_ray.bench import run_bench
    from dgtl_ray.report import key_value_table, rows_table
    from dgtl_ray.report.units import parse_duration

    check_writable(json_file)
    check_writable(options.get("figure"), "--figure")
    given = {option: value for option, value in options.items() if value not in (None, [])}
    if "time_budget" in given:
        given["time_budget"] = parse_duration(given["time_budget"])
    report = run_bench(name, quick=quick, **given)
    console = terminal()
    for table in report.tables:
        console.print(rows_table(table.rows, table.title))
    console.print(key_value_table(report.facts()))
    write_json(json_file, report.as_dict())
