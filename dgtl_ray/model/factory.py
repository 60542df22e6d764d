"""Networks that the user's own code makes."""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dgtl_ray.core.errors import InputError


def call_factory(spec: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The network that `package.module:factory` returns, and its example inputs.

    Modules are looked for in the working directory too.

    Raises:
        InputError: There is no such module or function, it raises, or it returns something else.
    """
    module_name, _, attribute = spec.partition(":")
    result = _call(spec, _find(spec, module_name, attribute))
    if isinstance(result, nn.Module):
        result = (result, getattr(result, "example_inputs", None))
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], nn.Module):
        return result[0], check_inputs(spec, result[1])
    raise InputError(
        f"{spec} returned {type(result).__name__}: it must return a torch.nn.Module and its "
        "example inputs, (module, inputs)"
    )


def check_inputs(name: str, inputs: Any) -> tuple[Tensor, ...]:
    """Example inputs as a tuple of tensors.

    Raises:
        InputError: They are not a tensor, or a non-empty sequence of tensors.
    """
    if isinstance(inputs, Tensor):
        return (inputs,)
    if isinstance(inputs, Sequence) and inputs and all(isinstance(x, Tensor) for x in inputs):
        return tuple(inputs)
    raise InputError(
        f"{name}: example inputs must be a tensor or a tuple of tensors, "
        f"not {type(inputs).__name__}"
    )


def _find(spec: str, module_name: str, attribute: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = import_module(module_name)
    except Exception as error:
        raise InputError(f"{spec}: importing {module_name} failed: {_what(error)}") from error
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise InputError(f"{spec}: {module_name} has no {attribute}")
        found = getattr(found, name)
    return found


def _call(spec: str, factory: Any) -> Any:
    if isinstance(factory, nn.Module):
        return factory
    if not callable(factory):
        raise InputError(f"{spec} is {type(factory).__name__}: it must be a function")
    try:
        return factory()
    except Exception as error:
        raise InputError(f"{spec} raised {_what(error)}") from error


def _what(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
