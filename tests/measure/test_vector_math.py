"""Transcendental functions as polynomials: errors, edges, every width, and the way out."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tvm
from numpy.typing import NDArray
from tvm import te, tirx

from dgtl_ray.bench.tools.ulp import EXACT, floats, worst
from dgtl_ray.core.exact_math import EXACT_MATH
from dgtl_ray.measure.vector_math import MAX_ULP, use_vector_math

FUNCTIONS: dict[str, Callable[[Any], Any]] = {name: getattr(tirx, name) for name in EXACT}
# What every x86-64 machine runs, and this one.
CPUS = ["x86-64", str(tvm.target.codegen.llvm_get_system_cpu())]
CUDA = {
    "kind": "cuda",
    "arch": "sm_90",
    "max_threads_per_block": 1024,
    "max_shared_memory_per_block": 49152,
    "thread_warp_size": 32,
}


def cpu(mcpu: str, *keys: str) -> tvm.target.Target:
    return tvm.target.Target({"kind": "llvm", "mcpu": mcpu, "keys": ["cpu", *keys]})


def scheduled(function: Callable[[Any], Any], count: int, lanes: int, dtype: str) -> Any:
    """The module that applies a function to a vector, `lanes` elements at a time."""
    argument = te.placeholder((count,), dtype, name="argument")
    result = te.compute((count,), lambda i: function(argument[i]), name="result")
    schedule = tvm.s_tir.Schedule(te.create_prim_func([argument, result]))
    (loop,) = schedule.get_loops(schedule.get_sblock("result"))
    schedule.vectorize(schedule.split(loop, [None, lanes])[1])
    return schedule


def compiled(
    function: Callable[[Any], Any],
    target: tvm.target.Target,
    count: int,
    lanes: int = 16,
    dtype: str = "float32",
) -> Any:
    use_vector_math(target)
    with target:
        return tvm.compile(scheduled(function, count, lanes, dtype).mod, target)


def values(executable: Any, x: NDArray[Any]) -> NDArray[Any]:
    result = tvm.runtime.tensor(np.empty_like(x))
    executable["main"](tvm.runtime.tensor(x), result)
    return np.asarray(result.numpy())


@pytest.mark.parametrize("mcpu", CPUS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_stay_below_the_bound_over_all_of_float32(name: str, mcpu: str) -> None:
    count = 1 << 20
    executable = compiled(FUNCTIONS[name], cpu(mcpu), count)
    # Bits in even steps: as many denormal, tiny, huge numbers and NaN as there are of each.
    x = floats(first=7, count=count, step=4093)
    assert worst(name, x, values(executable, x)).ulp < MAX_ULP


@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_stay_below_the_bound_where_results_are_neither_0_nor_1(name: str) -> None:
    count = 1 << 20
    executable = compiled(FUNCTIONS[name], cpu(CPUS[1]), count)
    x = np.linspace(-110, 110, count, dtype=np.float32)
    near = np.linspace(-4, 4, count, dtype=np.float32)
    assert worst(name, x, values(executable, x)).ulp < MAX_ULP
    assert worst(name, near, values(executable, near)).ulp < MAX_ULP


EDGES = {
    "exp": {np.inf: np.inf, -np.inf: 0.0, 0.0: 1.0, 88.8: np.inf, -103.98: 0.0, -103.9: 1e-45},
    "erf": {np.inf: 1.0, -np.inf: -1.0, 1e-45: 1e-45, 4.0: 1.0},
    "tanh": {np.inf: 1.0, -np.inf: -1.0, 1e-45: 1e-45, 10.0: 1.0},
    "sigmoid": {np.inf: 1.0, -np.inf: 0.0, 0.0: 0.5, -103.9: 1e-45, 200.0: 1.0},
    "log": {np.inf: np.inf, -np.inf: np.nan, 0: -np.inf, -1: np.nan, 1: 0, 1e-45: -103.27893},
}  # fmt: skip


@pytest.mark.parametrize("lanes", [1, 4, 16])
@pytest.mark.parametrize("name", EDGES)
def test_edges(name: str, lanes: int) -> None:
    given = [*EDGES[name], np.nan]
    x = np.resize(np.array(given, np.float32), 16)
    expected = np.resize(np.array([*EDGES[name].values(), np.nan], np.float32), 16)
    found = values(compiled(FUNCTIONS[name], cpu(CPUS[1]), 16, lanes), x)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["erf", "tanh"])
def test_zero_keeps_its_sign(name: str) -> None:
    x = np.resize(np.array([0.0, -0.0], np.float32), 16)
    found = values(compiled(FUNCTIONS[name], cpu(CPUS[1]), 16), x)
    assert not found.any()
    np.testing.assert_array_equal(np.signbit(found), np.signbit(x))


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0, 4.0, 2.5])
def test_powers(exponent: float) -> None:
    def power(x: Any) -> Any:
        return tirx.power(x, tirx.const(exponent, "float32"))

    x = np.linspace(0.1, 9, 16, dtype=np.float32)
    found = values(compiled(power, cpu(CPUS[1]), 16), x)
    np.testing.assert_allclose(found, x.astype(np.float64) ** exponent, rtol=4 * 2.0**-23)


def called(executable: Any) -> str:
    return str(executable.mod.inspect_source("ll"))


@pytest.mark.parametrize("name", [*FUNCTIONS, "rsqrt"])
def test_no_function_of_the_c_library_is_called(name: str) -> None:
    text = called(compiled(getattr(tirx, name), cpu(CPUS[1]), 64))
    assert not any(f"{name}f(" in text or f"llvm.{name}." in text for name in FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_exact_math_is_the_c_library(name: str) -> None:
    exact = compiled(FUNCTIONS[name], cpu(CPUS[1], EXACT_MATH), 64)
    # TVM makes tanh and the sigmoid of exp by itself.
    assert any(word in called(exact) for word in (f"@{name}f(", f"@llvm.{name}.", "@llvm.exp."))
    x = np.linspace(0.1, 9, 64, dtype=np.float32)
    np.testing.assert_allclose(values(exact, x), EXACT[name](x.astype(np.float64)), rtol=1e-6)
    # It is chosen a build: the next one has polynomials again.
    assert "fmuladd" in called(compiled(FUNCTIONS[name], cpu(CPUS[1]), 64))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_double_precision_is_left_to_the_c_library(name: str) -> None:
    x = np.linspace(0.1, 9, 64)
    found = values(compiled(FUNCTIONS[name], cpu(CPUS[1]), 64, 8, "float64"), x)
    np.testing.assert_allclose(found, EXACT[name](x), rtol=1e-14)


def test_cuda_is_left_alone() -> None:
    use_vector_math(cpu(CPUS[1]))
    schedule = scheduled(tirx.erf, 1024, 4, "float32")
    schedule.bind(schedule.get_loops(schedule.get_sblock("result"))[0], "threadIdx.x")
    target = tvm.target.Target(CUDA, host="llvm")
    with target:
        executable = tvm.compile(schedule.mod, target)
    source = executable.mod.imports[0].inspect_source()
    assert source.count("erff(") == 4


def test_the_choice_travels_with_the_target() -> None:
    text = str(cpu(CPUS[1], EXACT_MATH))
    assert EXACT_MATH in json.loads(text)["keys"]
    assert EXACT_MATH in tvm.target.Target(text).keys
