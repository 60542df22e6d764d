"""Machine code travels in the place of source."""

import pytest

from dgtl_ray.measure.cuda_code import accepting, pack


def refuse(source: str) -> bytes:
    raise AssertionError(f"asked to compile {source}")


@pytest.mark.parametrize("code", [b"", b"\x7fELF\x00\xff", bytes(range(256))])
def test_machine_code_survives_the_way(code: bytes) -> None:
    assert accepting(refuse)(pack(code)) == code


def test_source_is_compiled() -> None:
    assert accepting(str.encode)("__global__ void f()") == b"__global__ void f()"
