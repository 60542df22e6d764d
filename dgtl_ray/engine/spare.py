"""A device's process that is started before it is known what it will be asked."""

from typing import Any

import ray

from dgtl_ray.core.roles import EvaluatorConfig
from dgtl_ray.engine.places import Place, find_places
from dgtl_ray.engine.workers import DeviceActor, TimerFactory

_spares: list[tuple[TimerFactory, Any]] = []


def start_spare(factory: TimerFactory) -> None:
    """Start a process for the CPU of this machine, on a cluster that is there."""
    options = find_places("cpu")[0].options()
    _spares.append((factory, DeviceActor.options(**options).remote(factory)))


def device_actor(
    place: Place, factory: TimerFactory, target: str, evaluator: EvaluatorConfig
) -> Any:
    """The actor of a device that is to time for `target`: a spare one, where it fits."""
    actor = _spare(place, factory) or DeviceActor.options(**place.options()).remote(factory)
    actor.time_for.remote(target, evaluator)
    return actor


def forget_spares() -> None:
    """Their cluster ends."""
    _spares.clear()


def _spare(place: Place, factory: TimerFactory) -> Any | None:
    while _spares:
        made_for, actor = _spares.pop()
        if made_for is factory and not place.resources:
            return actor
        ray.kill(actor)
    return None
