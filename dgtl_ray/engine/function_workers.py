"""Processes in which a user's function is called, one call at a time; one that dies is replaced."""

import asyncio
import json
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import FunctionResult, Objective, as_metrics
from dgtl_ray.core.measurement import Status

Function = Callable[[dict[str, Any]], Any]


class _Worker:
    """Calls the function; lives in a Ray actor."""

    def __init__(self, function: Function, objective: Objective) -> None:
        self._function = function
        self._objective = objective

    def ready(self) -> None:
        """Answers once the function is here."""

    def describe(self, describe: Callable[[], DeviceDescriptor]) -> DeviceDescriptor:
        """What this process runs on."""
        return describe()

    def call(self, config: str) -> FunctionResult:
        """Call it for a configuration; what goes wrong is data."""
        start = time.perf_counter()
        try:
            returned = self._function(_arguments(config))
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
        function: Ray's reference to it.
        objective: What its number of interest is called.
        resources: What Ray reserves for a call: `{"CPU": 1, "GPU": 0.5}`.
        timeout_s: How long a call may take; None for ever.
    """

    def __init__(
        self,
        function: Any,
        objective: Objective,
        resources: Mapping[str, float],
        timeout_s: float | None,
    ) -> None:
        self._function = function
        self._objective = objective
        self._resources = dict(resources)
        self._timeout_s = timeout_s
        self._actor: Any = None

    async def describe(self, describe: Callable[[], DeviceDescriptor]) -> DeviceDescriptor:
        """What the process runs on.

        Raises:
            InputError: The function cannot be brought to it.
        """
        try:
            device: DeviceDescriptor = await self._started().describe.remote(describe)
        except (RayActorError, RayTaskError) as error:
            raise InputError(f"the function cannot be loaded by a worker: {error}") from error
        return device

    async def call(self, config: str) -> FunctionResult:
        """Call the function for a configuration."""
        start = time.perf_counter()
        try:
            if self._actor is None:
                await self._started().ready.remote()
                start = time.perf_counter()
            reference = self._actor.call.remote(config)
            return await asyncio.wait_for(_awaited(reference), self._timeout_s)
        except TimeoutError:
            self.end()
            error = f"no answer within {self._timeout_s:g} s"
            return self._lost(Status.RUN_TIMEOUT, error, start)
        except (RayActorError, RayTaskError) as error:
            self.end()
            return self._lost(Status.RUN_ERROR, f"the process ended: {_first_line(error)}", start)

    def end(self) -> None:
        """End the process; the next call begins another."""
        if self._actor is not None:
            ray.kill(self._actor)
        self._actor = None

    def _started(self) -> Any:
        if self._actor is None:
            named = {name.upper(): amount for name, amount in self._resources.items()}
            cpus, gpus = named.pop("CPU", 0), named.pop("GPU", 0)
            options = {"num_cpus": cpus, "num_gpus": gpus, "resources": named or None}
            self._actor = _WorkerActor.options(**options).remote(self._function, self._objective)
        return self._actor

    @staticmethod
    def _lost(status: Status, error: str, start: float) -> FunctionResult:
        return FunctionResult(status=status, error=error, seconds=time.perf_counter() - start)


async def _awaited(reference: Any) -> FunctionResult:
    result: FunctionResult = await reference
    return result


def _arguments(config: str) -> dict[str, Any]:
    """The configuration as the function gets it: lists as tuples, as they were declared."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in json.loads(config).items()
    }


def _told(error: Exception) -> str:
    """Kind and text of an error, and the line of the user's that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    return f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
