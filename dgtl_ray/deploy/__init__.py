"""Best configurations → a compiled, verified module that can be saved, loaded, run and compared.

Names are loaded when first used: a process that only runs a module never imports the compiler's
front ends.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgtl_ray.deploy.compiling import CompiledNetwork, compile_network, compile_untuned
    from dgtl_ray.deploy.contender import module_contender
    from dgtl_ray.deploy.inside import look_inside
    from dgtl_ray.deploy.loading import TunedModule, load, load_unverified
    from dgtl_ray.deploy.metadata import ModuleMetadata
    from dgtl_ray.deploy.saving import note_fault, save_files, save_module
    from dgtl_ray.deploy.skeleton import compile_skeleton
    from dgtl_ray.deploy.verification import Verification, verify

__all__ = [
    "CompiledNetwork",
    "ModuleMetadata",
    "TunedModule",
    "Verification",
    "compile_network",
    "compile_skeleton",
    "compile_untuned",
    "load",
    "load_unverified",
    "look_inside",
    "module_contender",
    "note_fault",
    "save_files",
    "save_module",
    "verify",
]

_HOMES = {
    "CompiledNetwork": "compiling",
    "ModuleMetadata": "metadata",
    "TunedModule": "loading",
    "Verification": "verification",
    "compile_network": "compiling",
    "compile_skeleton": "skeleton",
    "compile_untuned": "compiling",
    "load": "loading",
    "load_unverified": "loading",
    "look_inside": "inside",
    "module_contender": "contender",
    "note_fault": "saving",
    "save_files": "saving",
    "save_module": "saving",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
