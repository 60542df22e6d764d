"""Times and checks candidates on this machine's device."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from dgtl_ray.core.closeness import coarsest, is_float, tolerance_of
from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.core.measurement import Status, TimedIn
from dgtl_ray.core.network_run import NetworkInput, NetworkResult, Turns
from dgtl_ray.core.roles import Artifact, RunInput, RunResult
from dgtl_ray.measure.pool import WorkerPool
from dgtl_ray.measure.protocol import Ending, Outcome
from dgtl_ray.measure.timer_protocol import DescribeInput, Timing, VerifyInput, told_alternative

_STATUS = {
    Ending.DONE: Status.OK,
    Ending.RAISED: Status.RUN_ERROR,
    Ending.LOST: Status.RUN_ERROR,
    Ending.ORPHANED: Status.RUN_ERROR,
    Ending.TIMED_OUT: Status.RUN_TIMEOUT,
}
_DESCRIBE_TIMEOUT_S = 60.0
# What a network may need beside its turns: to make its weights, and to run everything once.
_NETWORK_TIMEOUT_S = 60.0


class LocalTimer:
    """Times candidates in a warm process of this machine (the `Timer` role).

    It starts warming up when it is made. One job at a time: a second thread waits.

    Args:
        memory_limit_bytes: Of the process that runs candidates.
        verify_timeout_s: Wall-clock limit of `verify`.
        job: `module:factory` of what the worker runs.
    """

    def __init__(
        self,
        *,
        memory_limit_bytes: int = 6 << 30,
        verify_timeout_s: float = 60.0,
        job: str = "dgtl_ray.measure.time_job:time_job",
    ) -> None:
        self._verify_timeout_s = verify_timeout_s
        # A candidate that raised may have left a device context or a heap that is broken.
        self._pool = WorkerPool(
            job, processes=1, memory_limit_bytes=memory_limit_bytes, renew_after_error=True
        )

    def describe(self, target: str) -> DeviceDescriptor:
        """What the device is; `target` is TVM's target as JSON.

        Raises:
            DeviceError: There is no such device here.
        """
        outcome = self._pool.run(DescribeInput(target=target), _DESCRIBE_TIMEOUT_S)
        if outcome.ending is not Ending.DONE:
            raise DeviceError(outcome.text.removeprefix(f"{DeviceError.__name__}: "))
        descriptor: DeviceDescriptor = outcome.value
        return descriptor

    def time(self, item: RunInput) -> RunResult:
        """Time one candidate. Never raises for what the candidate does.

        Raises:
            DgtlError: No process can be started on this machine.
        """
        result, outcome = self._run(item, item.evaluator.timeout_s)
        if result.status is not Status.OK:
            return result
        timing: Timing = outcome.value
        return replace(
            result,
            repeats_s=timing.repeats_s,
            conditions=timing.conditions,
            passed_bytes=timing.passed_bytes,
        )

    def time_network(self, item: NetworkInput) -> NetworkResult:
        """Run a network with one alternative of each layer at a time.

        Never raises for what it does. An alternative that ends its process, or hangs, is left out
        and the others run again.
        """
        lost: dict[tuple[int, int], str] = {}
        while True:
            kept = _without(item, lost)
            result, outcome = self._run(kept, item.limit_s + _NETWORK_TIMEOUT_S)
            if result.status is Status.OK:
                turns = _with_lost(item, outcome.value, lost)
                return NetworkResult(**vars(result) | {"timed_in": TimedIn.NETWORK}, turns=turns)
            culprit = _culprit(item, outcome.said, lost)
            if culprit is None:
                return NetworkResult(**vars(result))
            lost[culprit] = result.error

    def verify(self, artifact: Artifact, reference: Artifact, target: str) -> RunResult:
        """Run candidate and reference on the same random inputs and compare all arguments.

        Weights that the candidate wants prepared are prepared for it from the reference's.
        The status is `wrong_result`, with the largest relative error told, where that is more than
        `core.closeness` allows the coarsest float format among them; `repeats_s` is empty.
        """
        item = VerifyInput(artifact=artifact, reference=reference, target=target)
        result, outcome = self._run(item, self._verify_timeout_s)
        allowed = _allowed(reference)
        if result.status is not Status.OK or outcome.value <= allowed:
            return result
        error = f"largest relative error {outcome.value:.3g}, allowed {allowed:g}"
        return replace(result, status=Status.WRONG_RESULT, error=error)

    def close(self) -> None:
        """End the processes it holds."""
        self._pool.close()

    def _run(
        self, item: RunInput | NetworkInput | VerifyInput, timeout_s: float
    ) -> tuple[RunResult, Outcome]:
        self._pool.warm_up()
        start_s = time.perf_counter()
        outcome = self._pool.run(item, timeout_s)
        result = RunResult(
            status=_STATUS[outcome.ending],
            error=outcome.text,
            repeats_s=(),
            timing_s=time.perf_counter() - start_s,
        )
        return result, outcome


def _allowed(reference: Artifact) -> float:
    """The relative error that its arguments' formats allow; float32's, where they say no float."""
    found = coarsest(spec.dtype for spec in reference.args if is_float(spec.dtype))
    return tolerance_of(found if found != "float64" else "float32").relative


# Alternatives that are lost, by layer and number, and why.
_Lost: TypeAlias = Mapping[tuple[int, int], str]


def _kept(item: NetworkInput, layer: int, lost: _Lost) -> list[int]:
    """Numbers of a layer's alternatives that are not lost."""
    return [k for k in range(len(item.alternatives[layer])) if (layer, k) not in lost]


def _without(item: NetworkInput, lost: _Lost) -> NetworkInput:
    """The network without alternatives that are lost."""
    alternatives = tuple(
        tuple(artifacts[k] for k in _kept(item, layer, lost))
        for layer, artifacts in enumerate(item.alternatives)
    )
    return replace(item, alternatives=alternatives)


def _with_lost(
    item: NetworkInput, found: tuple[tuple[Turns, ...], ...], lost: _Lost
) -> tuple[tuple[Turns, ...], ...]:
    """The turns of all alternatives, those that are lost among them."""
    turns = []
    for layer, of_layer in enumerate(found):
        known = dict(zip(_kept(item, layer, lost), of_layer, strict=True))
        known |= {k: Turns(error=text) for (at, k), text in lost.items() if at == layer}
        turns.append(tuple(known[k] for k in sorted(known)))
    return tuple(turns)


def _culprit(item: NetworkInput, said: str, lost: _Lost) -> tuple[int, int] | None:
    """Which alternative ended its process; None where nobody knows, or its layer has no other."""
    told = told_alternative(said)
    if told is None:
        return None
    layer, number = told
    kept = _kept(item, layer, lost)
    return (layer, kept[number]) if len(kept) > 1 else None
