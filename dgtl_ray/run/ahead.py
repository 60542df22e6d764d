"""What of a search on this machine can begin before torch and TVM are imported here."""

from functools import partial
from importlib import import_module

from dgtl_ray.engine.session import start_beside
from dgtl_ray.engine.workers import start_builders
from dgtl_ray.measure import LocalBuilder


def start_search() -> None:
    """Start the processes of a search while torch and TVM are imported here."""
    start_beside(partial(import_module, "dgtl_ray.tuner"), partial(start_builders, LocalBuilder))
