"""How a check of a network is shown."""

from rich.console import Console
from rich.text import Text

from dgtl_ray.model.checking.report import CheckReport
from dgtl_ray.report.tables import rows_table


def print_check(console: Console, report: CheckReport) -> None:
    """Each output on each input, then what else there is to know."""
    rows = [
        {
            "output": check.output,
            "on": check.draw,
            "largest relative error": f"{check.closeness.error:.1e}",
            "of what is allowed": f"{check.closeness.excess:.2g}",
            "right": "yes" if check.closeness.ok else "NO",
        }
        for check in report.outputs
    ]
    console.print(rows_table(rows))
    for note in report.notes:
        console.print(Text(f"note: {note}"))
    if report.ok:
        told = f"{report.network} gives its framework's own answers ({report.seconds:.1f} s)"
        console.print(Text(told))
