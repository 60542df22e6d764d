"""Networks that the user's own code makes."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dgtl_ray.core.errors import InputError
from dgtl_ray.model.nested import flattened


def call_factory(spec: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The network that `package.module:factory` returns, and its example inputs; see `flattened`.

    Modules are looked for in the working directory too.

    Raises:
        InputError: There is no such module or function, it raises, or it returns something else.
    """
    module_name, _, attribute = spec.partition(":")
    result = _call(spec, _find(spec, module_name, attribute))
    if isinstance(result, nn.Module):
        result = (result, getattr(result, "example_inputs", None))
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], nn.Module):
        return flattened(spec, result[0], result[1])
    raise InputError(
        f"{spec} returned {type(result).__name__}: it must return a torch.nn.Module and its "
        "example inputs, (module, inputs)"
    )


def require_factory(spec: str) -> None:
    """Check that what `package.module:factory` names is there, without calling it.

    Raises:
        InputError: There is no such module or function.
    """
    module_name, _, attribute = spec.partition(":")
    _find(spec, module_name, attribute)


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
