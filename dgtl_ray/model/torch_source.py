"""Networks in PyTorch."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export.graph_signature import ConstantArgument

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.model.opened_torch import open_program
from dgtl_ray.model.outputs import flat_tensors
from dgtl_ray.model.source import Array, random_inputs
from dgtl_ray.model.torch_ops import import_exported


class TorchSource:
    """A `torch.nn.Module`, put in eval mode, with inputs that show the shapes it runs on."""

    def __init__(self, name: str, module: nn.Module, example_inputs: Sequence[Tensor]) -> None:
        self.name = name
        self.notes: tuple[str, ...] = ()
        self._module = module.eval()
        # Copies: torch.export takes one tensor given twice for one input.
        self._inputs = tuple(tensor.detach().clone() for tensor in example_inputs)

    def to_relax(self) -> Any:
        """See `Source`."""
        exported = self._importing("torch.export", self._export)
        self._check_outputs(exported)
        return self._importing("TVM", lambda: import_exported(exported))

    def example_inputs(self, seed: int) -> tuple[Array, ...]:
        """See `Source`; inputs that are not floats are the user's own: they may be indices."""
        random = random_inputs([_spec(tensor) for tensor in self._inputs], seed)
        return tuple(
            drawn if given.is_floating_point() else given.numpy()
            for drawn, given in zip(random, self._inputs, strict=True)
        )

    def own_inputs(self) -> tuple[Array, ...] | None:
        """See `Source`."""
        return tuple(tensor.numpy() for tensor in self._inputs)

    def reference(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """See `Source`."""
        with torch.inference_mode():
            outputs = self._module(*(torch.from_numpy(array) for array in inputs))
        return tuple(tensor.numpy() for tensor in flat_tensors(outputs))

    def opened(self) -> "OpenedTorch":
        """See `Source`."""
        exported = self._importing("torch.export", self._export)
        module, labels = open_program(exported)
        return OpenedTorch(self.name, module, self._inputs, labels)

    def _check_outputs(self, exported: Any) -> None:
        others = [spec.arg for spec in exported.graph_signature.output_specs if _is_fixed(spec.arg)]
        if others:
            raise InputError(
                f"{self.name}: its outputs must be tensors, and one is {others[0].value!r}: leave "
                "it out, in a module around this one for instance"
            )

    def _export(self) -> Any:
        with torch.no_grad():
            return torch.export.export(self._module, self._inputs)

    def _importing(self, tool: str, step: Callable[[], Any]) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # remarks of these tools on one another
                return step()
        except Exception as error:
            raise InputError(f"{self.name}: {tool} cannot import it: {_reason(error)}") from error


class OpenedTorch(TorchSource):
    """A network that returns the results of all its operators."""

    def __init__(
        self, name: str, module: nn.Module, inputs: Sequence[Tensor], labels: Sequence[str]
    ) -> None:
        super().__init__(name, module, inputs)
        self.labels = tuple(labels)


def _is_fixed(argument: Any) -> bool:
    """Whether an output of an exported program is a Python value, None for instance."""
    return isinstance(argument, ConstantArgument)


def _spec(tensor: Tensor) -> TensorSpec:
    return TensorSpec(shape=tuple(tensor.shape), dtype=str(tensor.dtype).removeprefix("torch."))


def _reason(error: Exception) -> str:
    """The first line that says something, in the user's words."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text.replace("Unsupported function types", "no support for the operators")
