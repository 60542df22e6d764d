"""Networks in PyTorch."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dgtl_ray.core.errors import InputError, MissingExtraError, first_line
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.model.arrays import to_array, to_tensor
from dgtl_ray.model.opened_torch import open_program
from dgtl_ray.model.outputs import flat_tensors
from dgtl_ray.model.source import Array, random_inputs
from dgtl_ray.model.torch_by_onnx import import_by_onnx
from dgtl_ray.model.torch_ops import RandomNetworkError, import_exported

# Ways in: torch's operators, and an ONNX file.
_OWN, _BY_ONNX = 0, 1


class TorchSource:
    """A `torch.nn.Module`, put in eval mode, with inputs that show the shapes it runs on.

    Two ways lead in: torch's own operators, or by an ONNX file that torch writes, which is taken
    where the first cannot be, or gives wrong answers.

    Attributes:
        way: 1 where it comes in by an ONNX file, from the beginning or as `to_relax` found; else 0.
        notes: Why it does where `to_relax` found so.
    """

    def __init__(
        self,
        name: str,
        module: nn.Module,
        example_inputs: Sequence[Tensor],
        *,
        way: int = _OWN,
    ) -> None:
        """InputError where the module or an input is not on the CPU."""
        self.name = name
        self.way = way
        self.notes: tuple[str, ...] = ()
        _require_on_cpu(name, module, example_inputs)
        self._module = module.eval()
        # Copies: torch.export takes one tensor given twice for one input.
        self._inputs = tuple(tensor.detach().clone() for tensor in example_inputs)

    def to_relax(self) -> Any:
        """See `Source`."""
        exported = self._importing("torch.export", self._export)
        if self.way != _OWN:
            return import_by_onnx(exported)
        try:
            return self._importing("TVM", lambda: import_exported(exported))
        except RandomNetworkError:
            raise
        except InputError as error:
            return self._by_onnx(exported, error)

    def example_inputs(self, seed: int) -> tuple[Array, ...]:
        """See `Source`; inputs that are not floats are the user's own: they may be indices."""
        random = random_inputs([_spec(tensor) for tensor in self._inputs], seed)
        return tuple(
            drawn if given.is_floating_point() else to_array(given)
            for drawn, given in zip(random, self._inputs, strict=True)
        )

    def own_inputs(self) -> tuple[Array, ...] | None:
        """See `Source`."""
        return tuple(map(to_array, self._inputs))

    def reference(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """See `Source`."""
        try:
            with torch.inference_mode():
                outputs = self._module(*(to_tensor(array) for array in inputs))
        except Exception as error:
            raise InputError(
                f"{self.name}: PyTorch cannot run it: {type(error).__name__}: {first_line(error)}"
            ) from error
        return tuple(map(to_array, flat_tensors(outputs)))

    def _by_onnx(self, exported: Any, refusal: InputError) -> Any:
        """The network by its other way; the refusal of the first where that does not lead in."""
        try:
            imported = import_by_onnx(exported)
        except (InputError, MissingExtraError):
            raise refusal from None
        reason = str(refusal).removeprefix(f"{self.name}: ")
        self.notes = (f"imported by way of ONNX: {reason}",)
        self.way = _BY_ONNX
        return imported

    def by_way(self, way: int) -> "TorchSource":
        """See `Source`."""
        return TorchSource(self.name, self._module, self._inputs, way=way)

    def other_way(self) -> "TorchSource | None":
        """See `Source`."""
        return self.by_way(_BY_ONNX) if self.way == _OWN else None

    def instead(self, why: str) -> str:
        """See `Source`."""
        return f"imported by way of ONNX: by its own operators {why}"

    def opened(self) -> "OpenedTorch":
        """See `Source`."""
        exported = self._importing("torch.export", self._export)
        module, labels = open_program(exported)
        return OpenedTorch(self.name, module, self._inputs, labels)

    def _export(self) -> Any:
        with torch.no_grad():
            return torch.export.export(self._module, self._inputs)

    def _importing(self, tool: str, step: Callable[[], Any]) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # remarks of these tools on one another
                return step()
        except RandomNetworkError as error:
            raise RandomNetworkError(f"{self.name}: {error}") from error
        except Exception as error:
            raise InputError(f"{self.name}: {tool} cannot import it: {_reason(error)}") from error


class OpenedTorch(TorchSource):
    """A network that returns the results of all its operators."""

    def __init__(
        self, name: str, module: nn.Module, inputs: Sequence[Tensor], labels: Sequence[str]
    ) -> None:
        super().__init__(name, module, inputs)
        self.labels = tuple(labels)


def _require_on_cpu(name: str, module: nn.Module, inputs: Sequence[Tensor]) -> None:
    """Refuse what is elsewhere: the network is read and checked on the CPU, for any target."""
    tensors = (*module.parameters(), *module.buffers(), *inputs)
    elsewhere = sorted({str(tensor.device) for tensor in tensors if tensor.device.type != "cpu"})
    if elsewhere:
        raise InputError(
            f"{name}: some of its tensors are on {', '.join(elsewhere)}: give the network and its "
            "example inputs on the CPU, with .cpu(), also where it is tuned for a GPU"
        )


def _spec(tensor: Tensor) -> TensorSpec:
    return TensorSpec(shape=tuple(tensor.shape), dtype=str(tensor.dtype).removeprefix("torch."))


def _reason(error: Exception) -> str:
    """The first line that says something, in the user's words."""
    return first_line(error).replace("Unsupported function types", "no support for the operators")
