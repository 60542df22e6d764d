"""Layer functions as programs of their own."""

from typing import Any

import pytest
from tvm import te, topi

from dgtl_ray.model import program
from dgtl_ray.model.operators import dominating_operator


def _square(of: Any, name: str) -> Any:
    return te.compute((4, 4), lambda i, j: of[i, j] * of[i, j], name=name)


def _squares(*names: str) -> Any:
    """A chain of blocks of these names."""
    tensors = [te.placeholder((4, 4), name="x")]
    for name in names:
        tensors.append(_square(tensors[-1], name))
    return te.create_prim_func([tensors[0], tensors[-1]])


def _names(function: Any) -> list[str]:
    return [block.name for block in program.blocks(program.normalised(function)["main"])]


@pytest.mark.parametrize(
    ("given", "unique"),
    [
        (["a", "b"], ["a", "b"]),
        (["a_red", "b_red"], ["reduce", "reduce_1"]),
        (["a_red", "b_red", "c_red_1"], ["reduce", "reduce_2", "reduce_1"]),
        (["x_red", "y"], ["reduce", "y"]),
    ],
)
def test_every_block_has_a_name_of_its_own(given: list[str], unique: list[str]) -> None:
    assert _names(_squares(*given)) == unique


def test_the_key_of_a_program_of_unique_names_stays() -> None:
    # Recorded before duplicates were told apart: histories refer to it.
    assert program.workload_key(_squares("a_red", "b")) == "9d08d03bef63e2f5ab2ea5cb080b83aa"


def test_code_without_blocks_is_opaque() -> None:
    data, updates = (te.placeholder((4, 8), "float32", name=name) for name in "xu")
    indices = te.placeholder((4, 8), "int64", name="i")
    function = te.create_prim_func(
        [data, indices, updates, topi.scatter_elements(data, indices, updates, axis=1)]
    )
    assert dominating_operator(program.blocks(function)) == "opaque"
