"""`dgtl tasks` and `dgtl check`: what a network is, before it is tuned."""

from functools import partial

from dgtl_ray.commands.common import (
    DimOption,
    JsonOption,
    NetworkArgument,
    PrecisionOption,
    ShapeOption,
    TargetOption,
    terminal,
)
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.json_file import check_writable, write_json
from dgtl_ray.core.precision import parse_precision


def tasks(
    network: NetworkArgument,
    target: TargetOption = "cpu",
    shape: ShapeOption = None,
    dim: DimOption = None,
    precision: PrecisionOption = "own",
    json_file: JsonOption = None,
) -> None:
    """List a network's layer tasks and the size of their design spaces."""
    from dgtl_ray.core.shapes import parse_shapes
    from dgtl_ray.report import rows_table
    from dgtl_ray.run.lean import import_for

    check_writable(json_file)
    import_for(network, "dgtl_ray.run.listing")
    from dgtl_ray.run.listing import list_tasks

    console = terminal()
    note = partial(console.print, highlight=False, markup=False)
    shapes = parse_shapes(shape or (), dim or ())
    rows = list_tasks(network, target, shapes, note, parse_precision(precision))
    console.print(rows_table(rows))
    write_json(json_file, rows)


def check(
    network: NetworkArgument,
    target: TargetOption = "cpu",
    shape: ShapeOption = None,
    dim: DimOption = None,
    precision: PrecisionOption = "own",
    json_file: JsonOption = None,
) -> None:
    """Check that an imported network gives its framework's own answers."""
    from dgtl_ray.core.shapes import parse_shapes
    from dgtl_ray.report import print_check
    from dgtl_ray.run.lean import import_for

    check_writable(json_file)
    import_for(network, "dgtl_ray.run.checking")
    from dgtl_ray.run.checking import check_network

    shapes = parse_shapes(shape or (), dim or ())
    report = check_network(network, target, shapes, precision=parse_precision(precision))
    print_check(terminal(), report)
    write_json(json_file, report.as_dict())
    if not report.ok:
        raise InputError(report.message())
