"""The default schedule keeps every program's results, and leaves no large loop nest serial."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import pytest
import tvm
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tvm import te, topi
from tvm.s_tir import Schedule
from tvm.tirx import ForKind

from dgtl_ray.model import TargetSpec, default_cuda_json
from dgtl_ray.space.sketches.cpu_shape import CpuShape
from dgtl_ray.space.sketches.default import apply_default
from dgtl_ray.space.sketches.default_cpu import schedule_cpu

Tensors = tuple[Any, ...]
AVX2 = CpuShape(lanes=8, registers=16)


def _tensor(*shape: int) -> Any:
    return te.placeholder(shape, name="input")


def _program(inputs: Tensors, *outputs: Any) -> tvm.IRModule:
    function = te.create_prim_func([*inputs, *outputs])
    return tvm.IRModule({"main": function.with_attr("global_symbol", "main")})


def _conv2d_nhwc() -> tvm.IRModule:
    x, w = _tensor(1, 28, 28, 32), _tensor(3, 3, 32, 48)
    return _program((x, w), topi.nn.relu(topi.nn.conv2d_nhwc(x, w, 2, 1, 1)))


def _conv2d_nchw() -> tvm.IRModule:
    x, w = _tensor(1, 16, 28, 28), _tensor(16, 16, 3, 3)
    return _program((x, w), topi.nn.conv2d_nchw(x, w, 1, 1, 1))


def _depthwise() -> tvm.IRModule:
    x, w = _tensor(1, 28, 28, 64), _tensor(3, 3, 64, 1)
    return _program((x, w), topi.nn.relu(topi.nn.depthwise_conv2d_nhwc(x, w, 1, 1, 1)))


def _dense() -> tvm.IRModule:
    x, w, bias = _tensor(1, 512), _tensor(512, 1000), _tensor(1000)
    return _program((x, w, bias), topi.add(topi.matmul(x, w), bias))


def _dense_transposed() -> tvm.IRModule:
    x, w, bias = _tensor(1, 512), _tensor(1000, 512), _tensor(1000)
    return _program((x, w, bias), topi.nn.dense(x, w, bias))


def _max_pool() -> tvm.IRModule:
    x = _tensor(1, 56, 56, 64)
    return _program(
        (x,), topi.nn.pool2d(x, (3, 3), (2, 2), (1, 1), (1, 1, 1, 1), "max", layout="NHWC")
    )


def _mean() -> tvm.IRModule:
    x = _tensor(1, 512, 20, 20)
    return _program((x,), topi.sum(x, axis=[2, 3]) / 400.0)


def _softmax() -> tvm.IRModule:
    x = _tensor(200, 1000)
    return _program((x,), topi.nn.softmax(x))


def _layout_transform() -> tvm.IRModule:
    x = _tensor(1, 3, 224, 224)
    return _program((x,), topi.transpose(x, (0, 2, 3, 1)))


def _elementwise() -> tvm.IRModule:
    x, y = _tensor(1, 56, 56, 64), _tensor(1, 56, 56, 64)
    return _program((x, y), topi.nn.relu(topi.add(x, topi.exp(y))))


def _sum() -> tvm.IRModule:
    x = _tensor(64, 100)
    return _program((x,), topi.sum(x))


def _scan() -> tvm.IRModule:
    x = _tensor(8, 100)
    return _program((x,), topi.cumsum(x, axis=1))


def _scalar() -> tvm.IRModule:
    x = _tensor()
    return _program((x,), topi.exp(x))


def _argmax() -> tvm.IRModule:
    x = _tensor(8, 100)
    return _program((x,), topi.argmax(x, axis=1))


LARGE = [
    _conv2d_nhwc, _conv2d_nchw, _depthwise, _dense, _dense_transposed, _max_pool, _mean, _softmax,
    _layout_transform, _elementwise,
]  # fmt: skip
SMALL = [_sum, _scan, _scalar, _argmax]


def _run(module: tvm.IRModule, target: tvm.target.Target) -> np.ndarray[Any, Any]:
    """The last argument after a run on random inputs, the same for each module."""
    rng = np.random.default_rng(0)
    args = [
        tvm.runtime.tensor(rng.random([int(d) for d in p.shape]).astype(str(p.dtype)))
        for p in module["main"].params
    ]
    tvm.compile(module, target=target)["main"](*args)
    result: np.ndarray[Any, Any] = args[-1].numpy()
    return result


def _loop_kinds(module: tvm.IRModule) -> dict[str, tuple[int, set[int]]]:
    """Iterations and kinds of loops of each block."""
    sch = Schedule(module)
    root = sch.get_sblock(module["main"].body.block.name_hint)
    kinds = {}
    for block in sch.get_child_blocks(root):
        loops = [sch.get(loop) for loop in sch.get_loops(block)]
        name = sch.get(block).name_hint
        kinds[name] = prod(int(loop.extent) for loop in loops), {loop.kind for loop in loops}
    return kinds


@pytest.mark.parametrize("make", LARGE + SMALL)
def test_results_are_the_programs_own(make: Callable[[], tvm.IRModule], target: TargetSpec) -> None:
    tvm_target = tvm.target.Target(target.json)
    module = make()
    scheduled = _run(apply_default(module, tvm_target), tvm_target)
    np.testing.assert_allclose(scheduled, _run(module, tvm_target), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", LARGE)
def test_large_nests_are_parallel_and_reductions_vectorised(
    make: Callable[[], tvm.IRModule],
) -> None:
    module = schedule_cpu(make(), AVX2).mod
    large = {name: kinds for name, (work, kinds) in _loop_kinds(module).items() if work >= 1 << 17}
    assert large
    for name, kinds in large.items():
        assert ForKind.PARALLEL in kinds, name
    assert "T.vectorized" in module.script() or make is _layout_transform


@settings(max_examples=12)
@given(
    rows=st.integers(1, 40), columns=st.integers(1, 40), depth=st.integers(1, 40), nt=st.booleans()
)
@example(rows=29, columns=11, depth=1, nt=False)  # nothing to tile by: both extents are prime
def test_any_matrix_product_is_scheduled_soundly(
    rows: int, columns: int, depth: int, nt: bool
) -> None:
    x = _tensor(rows, depth)
    w = _tensor(*((columns, depth) if nt else (depth, columns)))
    module = _program((x, w), topi.nn.dense(x, w) if nt else topi.matmul(x, w))
    target = tvm.target.Target("llvm")
    scheduled = _run(schedule_cpu(module, AVX2).mod, target)
    np.testing.assert_allclose(scheduled, _run(module, target), rtol=1e-4)


def test_it_is_deterministic() -> None:
    first, second = (schedule_cpu(_conv2d_nhwc(), AVX2).mod for _ in range(2))
    tvm.ir.assert_structural_equal(first, second)


def test_it_suits_the_target() -> None:
    def shape(mcpu: str) -> CpuShape:
        return CpuShape.of(
            tvm.target.Target({"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": mcpu})
        )

    assert shape("skylake-avx512") == CpuShape(lanes=16, registers=32)
    assert shape("haswell") == AVX2
    assert shape("nehalem") == CpuShape(lanes=4, registers=16)


@pytest.mark.parametrize("make", [_conv2d_nhwc, _depthwise, _dense, _max_pool, _layout_transform])
def test_cuda_blocks_are_bound_to_threads(make: Callable[[], tvm.IRModule]) -> None:
    target = tvm.target.Target(default_cuda_json())
    module = apply_default(make(), target)
    assert bool(module["main"].attrs["tirx.is_scheduled"])
    with target:
        lowered = tvm.compile(module, target=target)
    assert "threadIdx.x" in lowered.mod.imports[0].inspect_source()


def test_a_function_that_is_read_at_several_places_is_computed_once() -> None:
    """Inlined into each tap, nested functions make code that takes minutes to compile."""
    x = _tensor(1, 4, 4, 8)
    mish = topi.multiply(x, topi.tanh(topi.log(topi.exp(x) + 1.0)))
    resized = topi.image.resize2d(
        mish, (0.0,) * 4, (8, 8), "NHWC", coordinate_transformation_mode="asymmetric"
    )
    module = _program((x,), resized)
    scheduled = schedule_cpu(module, AVX2).mod
    assert str(scheduled).count("T.tanh") == 1
    assert "T.sblock_alloc_buffer" in str(scheduled)
    target = tvm.target.Target("llvm")
    np.testing.assert_allclose(_run(scheduled, target), _run(module, target), rtol=1e-4)
