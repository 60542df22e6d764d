"""What a kernel finds on a CPU when its network runs it, made again for one that is timed alone.

In a network a kernel's weights lie where nobody has been since the last inference, and its inputs
where other kernels have just written them. So here its weights come, run after run, from another
place of a ring of memory that is as long as what passes through the caches in one inference; the
next bytes of the ring are read before each run, so that the cores' own caches hold others' data,
and then the inputs are written.

Only workers import this: it loads TVM.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tvm
import tvm_ffi
from numpy.typing import NDArray

from dgtl_ray.core.task import Surroundings, TensorSpec
from dgtl_ray.measure.arguments import random_array
from dgtl_ray.measure.cpu import cache_sizes_bytes, second_level_bytes
from dgtl_ray.measure.huge_memory import HugeMemory
from dgtl_ray.measure.link import link_shared
from dgtl_ray.measure.thread_pool import ThreadPool

# A cache holds nothing of what was read before as many bytes as this multiple of its size.
_DISPLACES = 2
# Where kernels' arguments begin, as TVM's allocator has them.
_ALIGNMENT_BYTES = 64
# A ring that grew by a little for each task would be filled again and again.
_GROWS_BY_BYTES = 16 << 20
_LEAN = {"tirx.disable_assert": True}

# Loops are shared out among the threads in so many parts, as a kernel's are.
_PARTS = 64

_KERNELS = """
@I.ir_module
class Kernels:
    @T.prim_func
    def read(source: T.handle, sums: T.handle):
        T.func_attr({"tirx.noalias": True})
        lines = T.int64()
        memory = T.match_buffer(source, (lines, 16), "int32")
        total = T.match_buffer(sums, (PARTS, 16), "int32")
        for part in T.parallel(PARTS):
            for line in range(lines // PARTS):
                for lane in T.vectorized(16):
                    total[part, lane] = (
                        total[part, lane] + memory[part * (lines // PARTS) + line, lane]
                    )

    @T.prim_func
    def rewrite(target: T.handle, nothing: T.int8):
        T.func_attr({"tirx.noalias": True})
        size = T.int64()
        memory = T.match_buffer(target, (size,), "int8")
        for part in T.parallel(PARTS):
            for k in range(T.min(size // PARTS + 1, size - part * (size // PARTS + 1))):
                memory[part * (size // PARTS + 1) + k] = (
                    memory[part * (size // PARTS + 1) + k] | nothing
                )
""".replace("PARTS", str(_PARTS))


class Traffic:
    """Bytes through the caches of the cores that run a pool's threads, read or written.

    Args:
        target: TVM's target as JSON.
        pool: Whose threads do it: those that run kernels.
    """

    def __init__(self, target: str, pool: ThreadPool) -> None:
        self._library = _load(target, pool)
        self._read = self._library["read"]
        self._rewrite = self._library["rewrite"]
        self._sums = tvm.runtime.tensor(np.zeros((_PARTS, 16), np.int32))
        self.threads = pool.threads

    def read(self, lines: Any) -> None:
        """Read int32 lines of a cache's width (n, 16)."""
        self._read(lines, self._sums)

    def rewrite(self, memory: Any) -> None:
        """Write the bytes of an int8 tensor (n,) that are there."""
        self._rewrite(memory, 0)


def _load(target: str, pool: ThreadPool) -> Any:
    resolved = tvm.target.Target(target)
    module = tvm.script.from_source(_KERNELS)
    with tempfile.TemporaryDirectory(prefix="dgtl-") as scratch:
        path = Path(scratch) / "traffic.so"
        with resolved, tvm.transform.PassContext(opt_level=3, config=_LEAN):
            library = tvm.compile(module, target=resolved)
        library.export_library(str(path), fcompile=link_shared, workspace_dir=scratch)
        return pool.load(path)


class NetworkStage:
    """Arguments of one kernel on the CPU, laid out anew before each run.

    Args:
        specs: Of its arguments, inputs before the output.
        activations: Tensors for those that are no weights, by position.
        surroundings: Of its task.
        traffic: Of the cores that run it.

    Attributes:
        passed_bytes: Of other data, between two runs that use the same place of the ring.
    """

    def __init__(
        self,
        specs: Sequence[TensorSpec],
        activations: Mapping[int, Any],
        surroundings: Surroundings,
        traffic: Traffic,
    ) -> None:
        _, last_level = cache_sizes_bytes()
        self._traffic = traffic
        self._specs = {at: specs[at] for at in surroundings.weights}
        self._inputs = [
            _bytes_of(activations[at], specs[at])
            for at in sorted(activations, reverse=True)
            if at < len(specs) - 1
        ]
        own_caches = traffic.threads * second_level_bytes()
        # The cores' own may hold more than a last level that keeps no copy of what is in them.
        most = _DISPLACES * max(last_level, own_caches)
        self.passed_bytes = min(surroundings.other_bytes, most)
        self._step = min(self.passed_bytes, _DISPLACES * own_caches)
        own = sum(_aligned(spec.size_bytes) for spec in self._specs.values())
        self._ring_bytes = _aligned(self.passed_bytes + own)
        self._at = 0
        placed = dict(activations) | {at: self._place(spec) for at, spec in self._specs.items()}
        self.arguments = [placed[at] for at in range(len(specs))]

    def runs_s(self, module: Any, entry: str, device: Any, count: int) -> tuple[float, ...]:
        """Seconds of each of `count` single runs, each of which finds what its network's would."""
        kernel = module[entry]
        return tuple(self._run_s(kernel, device) for _ in range(count))

    def _run_s(self, kernel: Any, device: Any) -> float:
        """Seconds of one run, timed from here: about a microsecond is the call's."""
        self._set()
        start_ns = time.perf_counter_ns()
        kernel(*self.arguments)
        device.sync()
        return (time.perf_counter_ns() - start_ns) * 1e-9

    def _set(self) -> None:
        """Make everything as the network would have it."""
        self._pass()
        for at, spec in self._specs.items():
            self.arguments[at] = self._place(spec)
        for tensor in self._inputs:
            self._traffic.rewrite(tensor)

    def _pass(self) -> None:
        """Let other bytes of the ring pass through the caches."""
        step = self._step // _ALIGNMENT_BYTES
        if step:
            memory = _RINGS.get("float32", self._ring_bytes)
            at = self._advance(step * _ALIGNMENT_BYTES)
            self._traffic.read(_view(memory, (step, 16), "int32", at))

    def _place(self, spec: TensorSpec) -> Any:
        """A weight in the next place."""
        size = _aligned(spec.size_bytes)
        memory = _RINGS.get(spec.dtype, max(self._ring_bytes, size))
        return _view(memory, spec.shape, spec.dtype, self._advance(size))

    def _advance(self, size: int) -> int:
        """Where the next `size` bytes of the ring begin; at its beginning where its end is near."""
        at = self._at if self._at + size <= self._ring_bytes else 0
        self._at = at + size
        return at


class _Rings:
    """One ring for each dtype, as long as was ever asked for; never shorter, as memory is kept."""

    def __init__(self) -> None:
        self._memory: dict[str, Any] = {}
        self._bytes: dict[str, int] = {}

    def get(self, dtype: str, size: int) -> Any:
        """Memory of at least `size` bytes that holds values which are valid in any place."""
        if self._bytes.get(dtype, 0) < size:
            size = -(-size // _GROWS_BY_BYTES) * _GROWS_BY_BYTES
            self._memory.pop(dtype, None)
            one = TensorSpec(shape=(1,), dtype=dtype).size_bytes
            spec = TensorSpec(shape=(-(-size // one),), dtype=dtype)
            self._memory[dtype] = _as_weights(random_array(spec, 0, 0))
            self._bytes[dtype] = size
        return self._memory[dtype]


_RINGS = _Rings()


def _view(memory: NDArray[np.uint8], shape: Sequence[int], dtype: str, at: int) -> Any:
    """Part of a ring as a tensor whose data begin there: kernels ignore a tensor's byte offset."""
    size = TensorSpec(shape=tuple(shape), dtype=dtype).size_bytes
    return tvm_ffi.from_dlpack(memory[at : at + size].view(dtype).reshape(shape))


def _bytes_of(tensor: Any, spec: TensorSpec) -> Any:
    return tensor._create_view((spec.size_bytes,), dtype="int8")  # noqa: SLF001


def _as_weights(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """The array's bytes in memory as a deployed network's weights have it."""
    memory = HugeMemory().take(array.nbytes)
    memory[:] = array.view(np.uint8)
    return memory


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES
