"""Networks whose inputs are more than a row of tensors."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.utils import _pytree

from dgtl_ray.core.errors import InputError


class Flat(nn.Module):
    """A network called with its tensors alone, one behind the other.

    Attributes:
        network: The user's module, which gets them in the structure that it asks for, by
            keyword where they were given so, with everything that is no tensor as it was given.
    """

    def __init__(self, network: nn.Module, arguments: Any) -> None:
        super().__init__()
        self.network = network
        self._leaves, self._structure = _pytree.tree_flatten(arguments)

    def tensors(self) -> tuple[Tensor, ...]:
        """The tensors among the example inputs, in the order of the structure."""
        return tuple(leaf for leaf in self._leaves if isinstance(leaf, Tensor))

    def forward(self, *inputs: Tensor) -> Any:
        """The network's outputs."""
        given = iter(inputs)
        leaves = [next(given) if isinstance(leaf, Tensor) else leaf for leaf in self._leaves]
        args, kwargs = _pytree.tree_unflatten(leaves, self._structure)
        return self.network(*args, **kwargs)


def flattened(name: str, network: nn.Module, inputs: Any) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A network that takes tensors only, and example inputs for it.

    Args:
        name: What the user calls it.
        network: The user's module.
        inputs: A tensor; a sequence of arguments, which may be nested, None or plain values; or a
            mapping of keyword arguments.

    Raises:
        InputError: There is no tensor among them.
    """
    if isinstance(inputs, Tensor):
        return network, (inputs,)
    if isinstance(inputs, Sequence) and inputs and all(isinstance(x, Tensor) for x in inputs):
        return network, tuple(inputs)
    if isinstance(inputs, Mapping | Sequence) and not isinstance(inputs, str):
        keywords = dict(inputs) if isinstance(inputs, Mapping) else {}
        arguments = () if isinstance(inputs, Mapping) else tuple(inputs)
        flat = Flat(network, (arguments, keywords))
        if flat.tensors():
            return flat, flat.tensors()
    raise InputError(
        f"{name}: example inputs must be a tensor, a tuple of arguments or a dict of keyword "
        f"arguments, with a tensor among them, not {type(inputs).__name__}"
    )
