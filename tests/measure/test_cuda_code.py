"""Machine code travels in the place of source."""

import pytest

from dgtl_ray.bench.cuda import is_cubin
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import BuildInput
from dgtl_ray.measure import LocalBuilder
from dgtl_ray.measure.cuda_code import accepting, machine_codes, pack
from dgtl_ray.measure.cuda_headers import find_cuda_headers
from dgtl_ray.model import default_cuda_json, load_network, parse_target


def refuse(source: str) -> bytes:
    raise AssertionError(f"asked to compile {source}")


@pytest.mark.parametrize("code", [b"", b"\x7fELF\x00\xff", bytes(range(256))])
def test_machine_code_survives_the_way(code: bytes) -> None:
    assert accepting(refuse)(pack(code)) == code


def test_source_is_compiled() -> None:
    assert accepting(str.encode)("__global__ void f()") == b"__global__ void f()"


@pytest.mark.skipif(find_cuda_headers() is None, reason="no CUDA headers here")
@pytest.mark.parametrize("precision", ["own", "float16"])
def test_a_layer_is_built_to_machine_code_without_a_gpu(precision: str) -> None:
    target = parse_target(default_cuda_json("sm_90"))
    task = next(
        task
        for task in load_network("tests.networks:tiny", target, precision=precision).tasks
        if task.operator == "conv2d"
    )
    builder = LocalBuilder(timeout_s=120.0)
    try:
        item = BuildInput(program=task.program, target=target.json, schedule="")
        result = builder.build(item)
    finally:
        builder.close()
    assert result.status is Status.OK, result.error
    (code,) = machine_codes(result.artifact.library)
    assert is_cubin(code, 90)
    assert not is_cubin(code, 80)
