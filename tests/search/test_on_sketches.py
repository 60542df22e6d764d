"""Proposers on a design space that TVM's rules made."""

import json

import numpy as np
import pytest
import tvm
from tvm import te

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.task import LayerTask, TensorSpec
from dgtl_ray.search import ProposerContext, make_proposer, proposer_names
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.sketches import read_design_space
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE

SIDE = 64


@pytest.fixture(scope="module")
def space() -> DesignSpace:
    """Of a matrix product, for a CPU of two cores."""
    a, b = (te.placeholder((SIDE, SIDE), name=name) for name in "AB")
    k = te.reduce_axis((0, SIDE), name="k")
    c = te.compute((SIDE, SIDE), lambda i, j: te.sum(a[i, k] * b[k, j], axis=k), name="C")
    module = tvm.IRModule({"main": te.create_prim_func([a, b, c])})
    task = LayerTask(
        name="matmul",
        operator="dense",
        workload_key="matmul",
        weight=1,
        flop=2.0 * SIDE**3,
        args=(TensorSpec(shape=(SIDE, SIDE), dtype="float32"),) * 3,
        program=tvm.ir.save_json(module),
        network="test",
    )
    return read_design_space(task, json.dumps({"kind": "llvm", "num-cores": 2}))


@pytest.mark.parametrize("name", proposer_names())
def test_searches_a_real_space(space: DesignSpace, name: str) -> None:
    """Distinct and feasible rows throughout, which survive the way through JSON."""
    context = ProposerContext(space=space, seed=0, task_key="matmul", device=EXAMPLE_DEVICE)
    proposer = make_proposer(name, context)
    weights = np.random.default_rng(0).normal(size=len(space.columns))
    batches = []
    for _ in range(10):
        rows = proposer.propose(8).pool
        features = np.nan_to_num(space.encode(rows, EXAMPLE_DEVICE))
        cost_s = np.exp(features @ weights / 50)
        proposer.observe(rows, cost_s, [Status.OK] * len(rows), np.ones(8))
        batches.append(rows)
    asked = np.concatenate(batches)
    assert len(np.unique(asked, axis=0)) == 80
    assert space.feasible(asked).all()
    assert all((space.row_of(space.config_of(row)) == row).all() for row in asked[::10])
