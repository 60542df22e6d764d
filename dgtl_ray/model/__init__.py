"""A user's network → a lowered module and its layer tasks. Names are loaded when first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgtl_ray.model.loading import load_network
    from dgtl_ray.model.network import Network
    from dgtl_ray.model.program import workload_key
    from dgtl_ray.model.target import (
        TargetSpec,
        default_cuda_json,
        exact_math,
        parse_target,
        target_kind,
    )
    from dgtl_ray.model.tasks import keys_of_functions

__all__ = [
    "Network",
    "TargetSpec",
    "default_cuda_json",
    "exact_math",
    "keys_of_functions",
    "load_network",
    "parse_target",
    "target_kind",
    "workload_key",
]

_HOMES = {
    "Network": "network",
    "TargetSpec": "target",
    "default_cuda_json": "target",
    "exact_math": "target",
    "keys_of_functions": "tasks",
    "load_network": "loading",
    "parse_target": "target",
    "target_kind": "target",
    "workload_key": "program",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
