"""Processes in which a user's function is called, one call at a time; one that dies is replaced."""

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import FunctionResult, Objective, as_metrics, configuration
from dgtl_ray.core.measurement import Status
from dgtl_ray.engine import reported

Function = Callable[[dict[str, Any]], Any]

# Characters of what a call prints that are kept, the last ones.
_MOST_PRINTED = 1_000_000


@dataclass(frozen=True, kw_only=True)
class WorkerSetup:
    """What a process that calls the function needs.

    Attributes:
        function: Ray's reference to it, as `in_store` gives it.
        objective: What its number of interest is called.
        resources: What Ray reserves for a call: `{"CPU": 1, "GPU": 0.5}`.
        timeout_s: How long a call may take; None for ever.
        keep_printed: Whether what it prints comes back.
    """

    function: Any
    objective: Objective
    resources: Mapping[str, float]
    timeout_s: float | None
    keep_printed: bool = False


class _Worker:
    """Calls the function; lives in a Ray actor."""

    def __init__(self, function: Function, objective: Objective, *, keep_printed: bool) -> None:
        self._function = function
        self._objective = objective
        self._keep_printed = keep_printed

    def ready(self) -> None:
        """Answers once the function is here."""

    def describe(self, describe: Callable[[], DeviceDescriptor]) -> DeviceDescriptor:
        """What this process runs on."""
        return describe()

    def call(self, config: str) -> FunctionResult:
        """Call it for a configuration; what goes wrong is data."""
        if not self._keep_printed:
            return self._call(config)
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as errors:
            result = self._call(config)
        printed = (out.getvalue()[-_MOST_PRINTED:], errors.getvalue()[-_MOST_PRINTED:])
        return replace(result, printed=printed)

    def _call(self, config: str) -> FunctionResult:
        start = time.perf_counter()
        try:
            reported.clear()
            returned = self._function(configuration(config))
            returned = reported.latest() if returned is None else returned
            metrics = as_metrics(returned, self._objective)
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises
            return FunctionResult(
                status=Status.RUN_ERROR, error=_told(error), seconds=time.perf_counter() - start
            )
        seconds = time.perf_counter() - start
        return FunctionResult(status=Status.OK, metrics=metrics, seconds=seconds)


_WorkerActor: Any = ray.remote(_Worker)


class FunctionWorker:
    """A process that calls the function. Lives in one event loop."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup
        self._actor: Any = None
        self._is_there = False

    async def describe(self, describe: Callable[[], DeviceDescriptor]) -> DeviceDescriptor:
        """What the process runs on.

        Raises:
            InputError: The function cannot be brought to it.
            DgtlError: What `describe` raised.
        """
        try:
            device: DeviceDescriptor = await self._started().describe.remote(describe)
        except RayTaskError as error:
            raise error.cause from error
        except RayError as error:
            raise InputError(f"the function cannot be loaded by a worker: {error}") from error
        return device

    async def ready(self) -> None:
        """Wait until some node has room for the process, and it is there."""
        # One that ends as it begins fails the call that it is given next, which says why.
        with suppress(RayError):
            await self._await_process()

    async def call(self, config: str) -> FunctionResult:
        """Call the function for a configuration."""
        start = time.perf_counter()
        try:
            await self._await_process()
            start = time.perf_counter()
            reference = self._actor.call.remote(config)
            return await asyncio.wait_for(_awaited(reference), self._setup.timeout_s)
        except TimeoutError:
            self.end()
            error = f"no answer within {self._setup.timeout_s:g} s"
            return self._lost(Status.RUN_TIMEOUT, error, start)
        except RayTaskError:
            raise  # what the function raises is a result: this is a mistake of ours
        except RayError as error:
            self.end()
            return self._lost(Status.RUN_ERROR, f"the process ended: {_first_line(error)}", start)

    def end(self) -> None:
        """End the process; the next call begins another."""
        if self._actor is not None:
            ray.kill(self._actor)
        self._actor = None
        self._is_there = False

    async def _await_process(self) -> None:
        if not self._is_there:
            await self._started().ready.remote()
            self._is_there = True

    def _started(self) -> Any:
        if self._actor is None:
            setup = self._setup
            named = ray_names(setup.resources)
            cpus, gpus = named.pop("CPU", 0), named.pop("GPU", 0)
            options = {"num_cpus": cpus, "num_gpus": gpus, "resources": named or None}
            self._actor = _WorkerActor.options(**options).remote(
                setup.function, setup.objective, keep_printed=setup.keep_printed
            )
        return self._actor

    @staticmethod
    def _lost(status: Status, error: str, start: float) -> FunctionResult:
        return FunctionResult(status=status, error=error, seconds=time.perf_counter() - start)


async def _awaited(reference: Any) -> FunctionResult:
    result: FunctionResult = await reference
    return result


def in_store(function: Function) -> Any:
    """Ray's reference to a function, which any process can follow.

    Raises:
        InputError: The function cannot be pickled.
    """
    try:
        return ray.put(function)
    except Exception as error:
        # Ray tells at length; what it met is the cause.
        reason = _first_line(error.__cause__ or error)
        raise InputError(
            f"the function cannot be brought to other processes: {reason}. Let it make by itself "
            "what cannot be pickled, as locks, open files and connections"
        ) from error


def ray_names(resources: Mapping[str, float]) -> dict[str, float]:
    """Resources as Ray spells them: `cpu` and `gpu` are its own, others are as they were named."""
    own = {"cpu", "gpu"}
    return {name.upper() if name.lower() in own else name: n for name, n in resources.items()}


def _told(error: Exception) -> str:
    """Kind and text of an error, and the line of the user's that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    return f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
