"""What of a search on this machine can begin before torch and TVM are imported here."""

from functools import partial
from importlib import import_module

from dgtl_ray.core.hiding import hidden
from dgtl_ray.measure import LocalBuilder, LocalTimer
from dgtl_ray.measure.stem import start_stem


def start_search(network: str, target: str) -> None:
    """Start the processes of a search while what it needs is imported here."""
    if target != "cuda":  # whose processes may each see other devices
        start_stem()
    from dgtl_ray.engine.session import start_beside

    start_beside(partial(_import, network), partial(_start_processes, target))


def _start_processes(target: str) -> None:
    from dgtl_ray.engine.spare import start_spare
    from dgtl_ray.engine.workers import start_builders

    start_builders(LocalBuilder)
    if target != "cuda":
        start_spare(LocalTimer)


def _import(network: str) -> None:
    # Arrow would import pandas, and TVM torch, where they are found: seconds, and used by nobody.
    for_nothing = ("pandas", "torch") if network.endswith(".onnx") else ("pandas",)
    with hidden(*for_nothing):
        import_module("dgtl_ray.tuner")
