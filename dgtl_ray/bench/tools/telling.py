"""How far an experiment is, said while it runs."""

from rich.console import Console

from dgtl_ray.report import PlainMonitor


def tell(text: str) -> None:
    """Say it on standard error: the report is not there yet."""
    PlainMonitor(Console(stderr=True)).note(text)
