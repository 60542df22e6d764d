"""What of a search on this machine can begin before torch and TVM are imported here."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module

from dgtl_ray.core.hiding import hidden
from dgtl_ray.measure import LocalBuilder, LocalTimer
from dgtl_ray.measure.stem import start_stem


def start_search(network: str, target: str) -> None:
    """Start the processes of a search while what it needs is imported here.

    An interrupt meanwhile ends this process at once, and those that it started with it.
    """
    with _ended_by_interrupt():
        _start_search(network, target)


def _start_search(network: str, target: str) -> None:
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


@contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """Let SIGINT end the process, unless it is ignored, or somebody else handles it.

    An import that `KeyboardInterrupt` breaks off can keep its lock, and then the thread that
    imports beside it never ends. There is nothing to lose yet.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
