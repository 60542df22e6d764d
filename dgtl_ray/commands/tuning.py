"""`dgtl tune`, `pretrain` and `run`: from a network to a module that runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dgtl_ray.commands.common import (
    Acquisition,
    AcquisitionOption,
    DimOption,
    JsonOption,
    NetworkArgument,
    PrecisionOption,
    Search,
    ShapeOption,
    TargetOption,
    monitor,
    terminal,
)
from dgtl_ray.core.json_file import check_writable, write_json

_NOTHING = "none"


def tune(
    network: NetworkArgument,
    target: TargetOption = "cpu",
    shape: ShapeOption = None,
    dim: DimOption = None,
    trials: Annotated[
        int | None, typer.Option(help="Configurations to try, over all layers.")
    ] = None,
    time_budget: Annotated[str | None, typer.Option(help="Search time: 8m, 90s, 1h30m.")] = None,
    min_gain: Annotated[
        float,
        typer.Option(
            help="End when at most this share of the latency is expected to be left to gain."
        ),
    ] = 0.01,
    search: Annotated[
        Search, typer.Option(help="Search method that proposes configurations.")
    ] = Search.DGTL,
    acquisition: AcquisitionOption = Acquisition.QLOGEI,
    history: Annotated[
        list[str] | None,
        typer.Option(
            help="History to learn from, beside --record: folder, URI, builtin (what ships, the"
            " default) or none."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a model that dgtl pretrain made, instead of histories of other tasks."
        ),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(
            help="History to add to and learn from; default: in --out. A resumed run keeps its own."
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="Folder or URI of the run; default: runs/NETWORK-TARGET-TIME."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice.")] = 0,
    precision: PrecisionOption = "own",
    exact_math: Annotated[
        bool, typer.Option("--exact-math", help="Use the C library's exp, erf, …: slow on a CPU.")
    ] = False,
    algorithms: Annotated[
        str,
        typer.Option(
            help="Ways to compute layers that are tried: direct, winograd, matmul, attention."
        ),
    ] = "direct,winograd,matmul,attention",
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the run in --out, else with the network and target's latest in runs/.",
        ),
    ] = False,
    compare: Annotated[bool, typer.Option(help="Time the network beside other runtimes.")] = True,
    address: Annotated[
        str, typer.Option(help="Address of a Ray cluster; local: start one here.")
    ] = "local",
    device: Annotated[
        str, typer.Option(help="Kind of device to time on, where a cluster has several.")
    ] = "",
    json_file: JsonOption = None,
) -> None:
    """Tune a network for a target, then verify the result and show what it won."""
    check_writable(json_file)
    from dgtl_ray.core.algorithms import parse_algorithms
    from dgtl_ray.core.shapes import parse_shapes
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
    from dgtl_ray.report import print_summary
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
        history=histories_of(history, model),
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


def histories_of(named: list[str] | None, model: Path | None) -> Sequence[str]:
    """What a search learns from: what ships, where the user names nothing else."""
    from dgtl_ray.history import BUILTIN

    if named is None:
        return () if model else (BUILTIN,)
    return [] if named == [_NOTHING] else named


def pretrain(
    history: Annotated[
        list[str], typer.Argument(help="Folders or URIs of histories to learn from.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
    target: TargetOption = "cpu",
    rows: Annotated[int, typer.Option(min=8, help="Most measurements to learn from.")] = 100_000,
) -> None:
    """Learn from histories beforehand: dgtl tune --model then starts from what was learned."""
    from dgtl_ray.model import target_kind
    from dgtl_ray.report import rows_table, source_rows
    from dgtl_ray.run.knowledge import pretrain_histories

    console = terminal()
    kind = target_kind(target)
    sources = pretrain_histories(history, kind, out, monitor(console), rows)
    console.print(rows_table(source_rows(sources), f"{out}: learned from"))


def run(
    directory: Annotated[str, typer.Argument(help="Folder or URI of a module, or of a run.")],
    input_file: Annotated[
        list[Path] | None,
        typer.Option("--input", help="File (.npy) of an input, one for each; default: random."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File (.npy) to write the first output to.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads that run it on a CPU; default: as tuned.")
    ] = None,
) -> None:
    """Run a tuned module once and show its outputs."""
    from dgtl_ray.deploy.command import run_module
    from dgtl_ray.report import rows_table

    rows = run_module(directory, input_file or [], output, threads)
    terminal().print(rows_table(rows))
