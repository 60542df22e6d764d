"""A network as its own framework runs it, to compare with: contenders for an end-to-end timing.

Each runs in a process of its own, so that one framework's threads and memory do not disturb
another, and with that framework's default settings, as its users run it.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dgtl_ray.core.child import ChildContender
from dgtl_ray.model.specs import SpecKind, classify


def pytorch_contender(spec: Any, device: str = "cpu") -> ChildContender | None:
    """PyTorch eager, or None where the network is not PyTorch's or exists in this process only.

    Args:
        spec: The network as the user named it.
        device: Where it runs, `cpu` or `cuda`.

    Raises:
        InputError: There is no network of that name.
    """
    name = _name(spec)
    if name is None or classify(name) is SpecKind.ONNX:
        return None
    return _contender("pytorch", name, device)


def onnxruntime_contender(spec: Any) -> ChildContender | None:
    """ONNX Runtime on the CPU, or None where it, or what exports to it, is not installed.

    Raises:
        InputError: There is no network of that name.
    """
    name = _name(spec)
    if name is None:
        return None
    needed = ["onnxruntime"] if classify(name) is SpecKind.ONNX else ["onnxruntime", "onnxscript"]
    if any(find_spec(module) is None for module in needed):
        return None
    return _contender("onnxruntime", name)


def _contender(framework: str, spec: str, *device: str) -> ChildContender:
    arguments = [framework, spec, *device]
    return ChildContender(framework, "dgtl_ray.model.baseline_server", arguments)


def _name(spec: Any) -> str | None:
    """What another process can load the network by."""
    return str(spec) if isinstance(spec, str | Path) else None
