"""Processes in which a user's function is called, one call at a time; one that dies is replaced."""

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, replace
from functools import partial
from io import StringIO
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError, first_line
from dgtl_ray.core.function import FunctionResult, Objective, as_metrics, configuration
from dgtl_ray.core.measurement import Status
from dgtl_ray.engine import reported
from dgtl_ray.engine.function_hosts import Host, Hosts, host_here
from dgtl_ray.engine.room import ray_names

Function = Callable[[dict[str, Any]], Any]

# Characters of what a call prints that are kept, the last ones.
_MOST_PRINTED = 1_000_000


@dataclass(frozen=True, kw_only=True)
class WorkerSetup:
    """What a process that calls the function needs.

    Attributes:
        function: Ray's reference to it, as `in_store` gives it.
        describe: Tells the device that a process runs on.
        objective: What its number of interest is called.
        resources: What Ray reserves for a call: `{"CPU": 1, "GPU": 0.5}`.
        timeout_s: How long a call may take; None for ever.
        keep_printed: Whether what it prints comes back.
    """

    function: Any
    describe: Callable[[], DeviceDescriptor]
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

    def ready(self) -> str:
        """Ray's name of this node; answers once the function is here."""
        node_id: str = ray.get_runtime_context().get_node_id()
        return node_id

    def describe(self, describe: Callable[[], DeviceDescriptor]) -> Host:
        """What this process runs on."""
        return host_here(describe)

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
    """A process that calls the function. Lives in one event loop.

    Args:
        setup: What it is made of.
        hosts: Where it may be.
    """

    def __init__(self, setup: WorkerSetup, hosts: Hosts) -> None:
        # What the process runs on, while there is one.
        self.host: Host | None = None
        self._setup = setup
        self._hosts = hosts
        self._actor: Any = None

    async def begin(self) -> None:
        """Wait until some node has room for the process, and it is there.

        Raises:
            InputError: The function cannot be brought to it, or the run was begun on another kind
                of device.
            DeviceError: No node can tell what device it has.
        """
        try:
            is_there = await self._await_process()
        except RayTaskError as error:
            raise error.cause from error
        except RayError as error:
            raise InputError(f"the function cannot be loaded by a worker: {error}") from error
        if not is_there:
            raise self._hosts.refusal

    async def ready(self) -> bool:
        """Wait as `begin`; False where only other kinds of device have room for the process."""
        # One that ends as it begins fails the call that it is given next, which says why.
        with suppress(RayError):
            return await self._await_process()
        return True

    async def call(self, config: str) -> FunctionResult:
        """Call the function for a configuration."""
        start = time.perf_counter()
        try:
            if not await self._await_process():
                refused = f"no process may call the function: {self._hosts.refusal}"
                return self._lost(Status.RUN_ERROR, refused, start)
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
            return self._lost(Status.RUN_ERROR, f"the process ended: {first_line(error)}", start)

    def end(self) -> None:
        """End the process; the next call begins another."""
        if self._actor is not None:
            ray.kill(self._actor)
        self._actor = None
        self.host = None

    async def _await_process(self) -> bool:
        """Begin the process where there is none; whether there is one that may call the function.

        One on another kind of device than the search's ends, and is begun again elsewhere.
        """
        refused = 0
        while True:
            if self.host is None:
                actor = self._started()
                ask = partial(actor.describe.remote, self._setup.describe)
                self.host = await self._hosts.look(await actor.ready.remote(), ask)
            if self._hosts.admits(self.host):
                return True
            self.end()
            refused += 1
            if not self._hosts.may_be_elsewhere(refused):
                return False

    def _started(self) -> Any:
        if self._actor is None:
            setup = self._setup
            named = ray_names(setup.resources)
            cpus, gpus = named.pop("CPU", 0), named.pop("GPU", 0)
            options = {
                "num_cpus": cpus,
                "num_gpus": gpus,
                "resources": named or None,
                **self._hosts.options(),
            }
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
        reason = first_line(error.__cause__ or error)
        raise InputError(
            f"the function cannot be brought to other processes: {reason}. Let it make by itself "
            "what cannot be pickled, as locks, open files and connections"
        ) from error


def _told(error: Exception) -> str:
    """Kind and text of an error, and the line of the user's that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    return f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"
