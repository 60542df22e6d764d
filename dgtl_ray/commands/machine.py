"""`dgtl devices` and `doctor`: what there is to run on."""

from dataclasses import asdict
from typing import Annotated

import typer

from dgtl_ray.commands.common import JsonOption, terminal
from dgtl_ray.core.json_file import write_json


def devices(
    address: Annotated[
        str, typer.Option(help="Address of a Ray cluster; auto: the one that runs here.")
    ] = "auto",
    json_file: JsonOption = None,
) -> None:
    """List the devices of a cluster, what each does, and how it failed."""
    from dgtl_ray.engine.inventory import list_devices
    from dgtl_ray.report import rows_table

    rows = list_devices(address)
    shown = [{title: row[title] for title in row if title != "descriptor"} for row in rows]
    terminal().print(rows_table(shown))
    write_json(json_file, rows)


def doctor() -> None:
    """Say what this machine has, and what is missing for which feature."""
    from dgtl_ray.measure import diagnose
    from dgtl_ray.report import rows_table

    terminal().print(rows_table([asdict(finding) for finding in diagnose()]))
