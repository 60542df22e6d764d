"""Imports a command's heavy libraries without what they would take along for nothing."""

import gc
from importlib import import_module

from dgtl_ray.core.hiding import hidden

# TVM would import torch where it finds it, and torch's tracing its sharded training: a second each
# and more, which no ONNX file and no network of one machine has a use for.
_TORCH, _SHARDING = "torch", "torch.distributed.fsdp._fully_shard"


def import_for(network: str, module: str) -> None:
    """Import one of our modules, and what reads a network of this kind.

    Meanwhile no garbage is collected: what imports make stays, and looking through all of it again
    and again is a tenth of their time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        if network.endswith(".onnx"):
            with hidden(_TORCH):
                import_module(module)
        else:
            with hidden(_SHARDING):
                import_module(module)
                import_module("torch._dynamo")
    finally:
        if collecting:
            gc.enable()
