"""A Ray cluster to run on: one of our own on this machine, or one that is there."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, TypeVar

import ray

from dgtl_ray.core.errors import DgtlError, InputError
from dgtl_ray.engine.lean_start import without_needless
from dgtl_ray.engine.reaching import require_answer
from dgtl_ray.engine.spare import forget_spares
from dgtl_ray.measure.stem import end_stem, start_stem

T = TypeVar("T")

# How Ray begins where a cluster is of another Ray or Python than a process that joins it.
_OTHER_VERSIONS = "Version mismatch"

_QUIET: Mapping[str, Any] = MappingProxyType(
    {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
)


class _Ahead:
    """A cluster that runs here, started for the next session."""

    def __init__(self) -> None:
        self.began_s: float | None = None

    def begin(self, at_s: float) -> None:
        """Its start began then, by `time.perf_counter`."""
        self.began_s = at_s

    def end(self) -> None:
        """It is taken, or gone."""
        self.began_s = None


_ahead = _Ahead()


def ahead_s() -> float:
    """Seconds since the start of what was started for the next session; 0 where nothing was."""
    return 0.0 if _ahead.began_s is None else time.perf_counter() - _ahead.began_s


def start_beside(work: Callable[[], T], then: Callable[[], None]) -> T:
    """Start a cluster on this machine while a thread does `work`; what that returns.

    The next local `ray_session` finds the cluster running, and ends it. The calling thread starts
    it: its processes end with the thread that they were started from.

    Args:
        work: Imports, and whatever else takes its time meanwhile.
        then: What the cluster can do as soon as it is there; it must not wait.
    """
    began_s = time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        if not ray.is_initialized():
            _connect("local")
            _ahead.begin(began_s)
            then()
        return working.result()


def import_once() -> None:
    """Let one process import TVM for all that the next local `ray_session` starts, and end with it.

    Nothing where a cluster runs already: its processes were started without.
    """
    if not ray.is_initialized():
        start_stem()


@contextmanager
def ray_session(address: str, **settings: Any) -> Iterator[None]:
    """Connect to `address`; `local` starts a cluster on this machine and ends it afterwards.

    A Ray that the caller has already connected is used as it is, and left running.

    Args:
        address: `local`, `auto`, or what `ray.init` takes.
        settings: Of a cluster on this machine, as `ray.init` takes them: `num_cpus`, `num_gpus`, ….

    Raises:
        InputError: No cluster answers at `address`, or it is one of another Ray or Python.
        DgtlError: Ray cannot be started on this machine.
    """
    if ray.is_initialized() and not (address == "local" and _ahead.began_s is not None):
        yield
        return
    if not ray.is_initialized():
        _connect(address, **settings)
    _ahead.end()
    try:
        yield
    finally:
        forget_spares()
        ray.shutdown()
        end_stem()


def _connect(address: str, **settings: Any) -> None:
    prepare_environment(begins=address == "local")
    if address == "local":
        _start_here(**settings)
        return
    try:
        require_answer(address)
        ray.init(address=address, **_QUIET)
    except (ConnectionError, ValueError) as error:
        raise InputError(f"no Ray cluster at {address!r}: {error}") from error
    except RuntimeError as error:  # Ray's word for what stands in the way of a connection
        ray.shutdown()
        raise InputError(f"cannot use the Ray cluster at {address!r}: {_told(error)}") from error


def _told(error: RuntimeError) -> str:
    """Why Ray does not connect, in one line."""
    text = " ".join(str(error).split())
    if text.startswith(_OTHER_VERSIONS):
        return f"{text}. Install the same versions of Ray and Python there and here"
    return text


def _start_here(**settings: Any) -> None:
    """Start a cluster; once more where that fails, as it may on a busy machine.

    Raises:
        DgtlError: It failed twice.
    """
    for last in (False, True):
        try:
            with without_needless():
                ray.init(address="local", include_dashboard=False, **settings, **_QUIET)
        except Exception as error:  # Ray raises whatever it meets, bare `Exception` among it
            ray.shutdown()
            if last:
                reason = str(error).rstrip(".")
                raise DgtlError(
                    f"Ray could not be started here, twice: {reason}. Is the machine very busy, or"
                    " short of memory, or of space for /tmp/ray? Its logs are in"
                    " /tmp/ray/session_latest/logs"
                ) from error
        else:
            return


def prepare_environment(*, begins: bool) -> None:
    """Set what Ray reads from the environment, unless the user did; `begins`: a cluster, here."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray would hide the GPUs from actors that ask for none; the device actor asks by itself.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray would run workers at niceness 15: beside any other program a device seems to hang.
    os.environ.setdefault("RAY_worker_niceness", "0")
    if begins:
        # Ray would serve metrics to all interfaces, without a token. There is no port -1.
        os.environ.setdefault("RAY_enable_metrics_collection", "0")
        os.environ.setdefault("AUTOSCALER_METRIC_PORT", "-1")
        os.environ.setdefault("DASHBOARD_METRIC_PORT", "-1")
