"""Tasks that algorithms of our own compute, with NumPy's answer to each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import te, topi

from dgtl_ray.core.task import LayerTask
from dgtl_ray.measure.preparing import Preparer
from dgtl_ray.space.sketches import apply_schedule

Array = NDArray[np.float32]


def convolution(
    source: Sequence[int],
    outputs: int,
    *,
    kernel: int = 3,
    padding: int | tuple[int, int, int, int] = 1,
    stride: int = 1,
    residual: bool = False,
    activation: str = "relu",
) -> LayerTask:
    """A convolution (N, H, W, C) → K with a bias, then perhaps a residual and an activation."""
    x = te.placeholder(source, "float32", name="x")
    w = te.placeholder((kernel, kernel, source[3], outputs), "float32", name="w")
    bias = te.placeholder((1, 1, 1, outputs), "float32", name="bias")
    y = topi.nn.conv2d(x, w, stride, padding, 1, data_layout="NHWC", kernel_layout="HWIO")
    arguments = [x, w, bias]
    y = topi.add(y, bias)
    if residual:
        arguments.append(te.placeholder(y.shape, "float32", name="residual"))
        y = topi.add(y, arguments[-1])
    return task_of([*arguments, _ACTIVATIONS[activation](y)], weight=1)


_ACTIVATIONS = {
    "none": lambda y: topi.multiply(y, 2.0),
    "relu": topi.nn.relu,
    "relu6": lambda y: topi.clip(y, 0.0, 6.0),
    "silu": lambda y: topi.multiply(y, topi.sigmoid(y)),
}


def task_of(tensors: list[Any], *, weight: int) -> LayerTask:
    """A task whose argument number `weight` is one."""
    function = te.create_prim_func(tensors).with_attr("layout_free_buffers", [weight])
    return LayerTask(
        name="contraction",
        operator="conv2d",
        workload_key="contraction",
        weight=1,
        flop=1.0,
        args=(),
        program=tvm.ir.save_json(tvm.IRModule({"main": function})),
        network="none",
    )


def arguments_of(task: LayerTask, rng: np.random.Generator) -> list[Array]:
    """Random inputs, the output left out."""
    shapes = [tuple(map(int, p.shape)) for p in tvm.ir.load_json(task.program)["main"].params]
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes[:-1]]


def run(task: LayerTask, target: str, schedule: str, arguments: Sequence[Array]) -> Array:
    """What a schedule makes of a task, weights prepared."""
    scheduled = apply_schedule(task.program, target, schedule)
    given = list(arguments)
    preparer = Preparer([preparation.function for preparation in scheduled.preparations])
    for k, preparation in enumerate(scheduled.preparations):
        given[preparation.parameter] = preparer.prepare(k, given[preparation.parameter])
    parsed = tvm.target.Target(target)
    with parsed, tvm.transform.PassContext(opt_level=3, config={"tirx.disable_assert": True}):
        built = tvm.compile(scheduled.module, target=parsed)
    # Whatever is not written stays not a number.
    out = tvm.runtime.tensor(np.full(scheduled.args[-1].shape, np.nan, np.float32))
    built(*(tvm.runtime.tensor(np.ascontiguousarray(array)) for array in given), out)
    return np.array(out.numpy())


def exactly(
    arguments: Sequence[Array], *, padding: tuple[int, int, int, int], stride: int = 1
) -> NDArray[np.float64]:
    """The convolution alone, in float64; padding above, left, below, right."""
    x, w = (array.astype(np.float64) for array in arguments[:2])
    top, left, below, right = padding
    x = np.pad(x, ((0, 0), (top, below), (left, right), (0, 0)))
    rows, columns = (size - len(w) + 1 for size in x.shape[1:3])
    result = np.zeros((len(x), -(-rows // stride), -(-columns // stride), w.shape[3]))
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            result += x[:, i : i + rows : stride, j : j + columns : stride] @ w[i, j]
    return result
