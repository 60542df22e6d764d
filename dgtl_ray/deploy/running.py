"""A compiled network on its device."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import tvm
import tvm_ffi
from numpy.typing import NDArray
from tvm.runtime.vm import VirtualMachine

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.measure.thread_pool import ThreadPool

Array = NDArray[Any]
Observer: TypeAlias = Callable[..., int]

# TVM's kernels assume that arguments start on such a boundary.
_ALIGNMENT_BYTES = 64
# By DLPack's numbers: a GPU's memory, and CUDA's null stream, on which TVM runs.
_CUDA = 2
_LEGACY_DEFAULT_STREAM = 1


class NetworkRunner:
    """A compiled network with its weights on the device, ready to run.

    Thread-safe: one run at a time, since there is one virtual machine and one set of threads.
    """

    def __init__(
        self,
        library: Any,
        pool: ThreadPool,
        weights: Iterable[Any],
        *,
        device: Any,
        input_names: Sequence[str],
        inputs: Sequence[TensorSpec],
    ) -> None:
        """Put the network on `device`, where its `weights` are already: TVM's tensors.

        `pool` is what `library` was loaded with.
        """
        self._pool = pool
        self._lock = threading.Lock()
        self._device = device
        self._weights = list(weights)
        self._names = tuple(input_names)
        self._specs = tuple(inputs)
        self._machine = VirtualMachine(library, device)
        self._main = self._machine["main"]

    def __call__(self, *inputs: Any) -> Array | tuple[Array, ...]:
        """One inference, NumPy out.

        Args:
            inputs: NumPy arrays, or tensors with `__dlpack__`, one for each input.

        Returns:
            The output, or a tuple where the network has several.

        Raises:
            InputError: Not one input for each, or a wrong shape or dtype.
        """
        outputs = tuple(tensor.numpy() for tensor in self.run(*inputs))
        return outputs[0] if len(outputs) == 1 else outputs

    def run(self, *inputs: Any) -> tuple[Any, ...]:
        """One inference, without copying what is on the device already.

        Args:
            inputs: NumPy arrays, or tensors with `__dlpack__`, one for each input.

        Returns:
            Tensors on the device that other frameworks can take over: `torch.from_dlpack(tensor)`.
            They are ready.

        Raises:
            InputError: Not one input for each, or a wrong shape or dtype.
        """
        outputs = self.run_prepared(self.prepare(*inputs))
        # Whoever takes them over may read them on another stream.
        self.synchronize()
        return outputs

    def prepare(self, *inputs: Any) -> tuple[Any, ...]:
        """Inputs checked and on the device; what cannot be used in place is copied.

        Raises:
            InputError: Not one input for each, or a wrong shape or dtype.
        """
        if len(inputs) != len(self._specs):
            expected = ", ".join(map(_describe, self._names, self._specs))
            raise InputError(f"{len(inputs)} inputs for {len(self._specs)}: expected {expected}")
        return tuple(map(self._prepare_one, self._names, self._specs, inputs))

    def run_prepared(self, prepared: Sequence[Any]) -> tuple[Any, ...]:
        """One inference on what `prepare` gave; on a GPU it may still be going on at return."""
        with self._lock:
            self._pool.revive()
            result = self._main(*prepared, *self._weights)
        return (result,) if isinstance(result, tvm.runtime.Tensor) else tuple(result)

    def run_observed(self, prepared: Sequence[Any], observer: Observer) -> None:
        """One inference on what `prepare` gave; each call that the network makes is observed.

        Args:
            prepared: The inputs.
            observer: Called before and after each call as TVM's virtual machine calls an
                instrument: function, name, whether it is before, result, arguments. It returns 0.
        """
        with self._lock:
            self._pool.revive()
            self._machine.set_instrument(observer)
            try:
                self._main(*prepared, *self._weights)
            finally:
                self._machine.set_instrument(None)

    def synchronize(self) -> None:
        """Wait until the device has done all it was given."""
        self._device.sync()

    def _prepare_one(self, name: str, spec: TensorSpec, value: Any) -> Any:
        tensor = _take(name, value)
        found = TensorSpec(shape=tuple(map(int, tensor.shape)), dtype=str(tensor.dtype))
        if found != spec:
            raise InputError(
                f"expected input {_describe(name, spec)}, got {found.dtype} {_shape(found)}"
            )
        return tensor if tensor.device == self._device else tensor.copyto(self._device)


def _take(name: str, value: Any) -> Any:
    """The value as a TVM tensor, in place where its memory allows that."""
    if isinstance(value, np.ndarray):
        return _from_numpy(name, value)
    if not hasattr(value, "__dlpack__"):
        raise InputError(
            f"input {name} is a {type(value).__name__}: give a NumPy array or a tensor with "
            "__dlpack__"
        )
    try:
        _wait_for(value)
        return tvm_ffi.from_dlpack(
            value, require_alignment=_ALIGNMENT_BYTES, require_contiguous=True
        )
    except (BufferError, RuntimeError, ValueError, TypeError):
        return _from_numpy(name, _copy_of(name, value))


def _wait_for(value: Any) -> None:
    """Let the stream that the network runs on wait for what is still being computed on a GPU.

    `tvm_ffi.from_dlpack` asks for the value as it is. What the producer hands out is given back.
    """
    kind, _ = value.__dlpack_device__()
    if kind == _CUDA:
        # PyTorch hands out nothing that records gradients.
        value = value.detach() if hasattr(value, "detach") else value
        value.__dlpack__(stream=_LEGACY_DEFAULT_STREAM)


def _from_numpy(name: str, array: Array) -> Any:
    try:
        return tvm.runtime.tensor(array)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"input {name} has dtype {array.dtype}, which cannot be used") from error


def _copy_of(name: str, value: Any) -> Array:
    """A copy in NumPy's memory, for what is on the host but strided or badly aligned."""
    try:
        return np.array(np.from_dlpack(value), order="C")
    except (BufferError, RuntimeError, ValueError, TypeError) as error:
        raise InputError(f"input {name} cannot be taken over by DLPack: {error}") from error


def _describe(name: str, spec: TensorSpec) -> str:
    return f"{name}: {spec.dtype} {_shape(spec)}"


def _shape(spec: TensorSpec) -> str:
    return "×".join(map(str, spec.shape)) or "scalar"
