"""Work that needs the device itself, done where the device is."""

from collections.abc import Callable
from typing import Any, TypeVar

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from dgtl_ray.core.errors import DeviceError, DgtlError, InputError
from dgtl_ray.engine.places import Place

T = TypeVar("T")


def at_place(place: Place, timeout_s: float, function: Callable[..., T], *args: Any) -> T:
    """What `function` gives in a process that has the device at a place to itself.

    Raises:
        DgtlError: What the function raised of our own errors, with the node it ran on.
        InputError: The device was not free, or did not answer, within `timeout_s`.
        DeviceError: Its process ended, or its node is gone.
    """
    reference = _call_task.options(**place.options()).remote(function, args)
    try:
        result: T = ray.get(reference, timeout=timeout_s)
    except RayTaskError as error:
        if isinstance(error.cause, DgtlError):
            error.cause.args = (f"on node {place.address}: {error.cause}",)
        raise error.cause from error
    except GetTimeoutError as error:
        ray.cancel(reference, force=True)
        raise InputError(
            f"no answer from the device {place.name} within {timeout_s:g} s: it is in use (`dgtl"
            " devices` says by whom), or its node hangs"
        ) from error
    except RayError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise DeviceError(
            f"the device {place.name} was lost at work: {reason}. Is its node still there, and not"
            " short of memory? `dgtl devices` says what answers"
        ) from error
    return result


def _call(function: Callable[..., T], args: tuple[Any, ...]) -> T:
    return function(*args)


_call_task: Any = ray.remote(max_retries=0)(_call)
