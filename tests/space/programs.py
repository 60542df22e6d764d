"""Small tasks of every kind, unscheduled, as the model room would hand them over."""

from collections.abc import Callable
from typing import Any

import tvm
from tvm import te, topi

from dgtl_ray.core.task import LayerTask


def conv2d() -> LayerTask:
    """3×3, padded, with an epilogue: 28×28, 32 → 64 channels."""
    x, w = _tensor(1, 28, 28, 32, name="x"), _tensor(3, 3, 32, 64, name="w")
    y = topi.nn.conv2d(x, w, 1, 1, 1, data_layout="NHWC", kernel_layout="HWIO")
    return _task("conv2d", [x, w, topi.nn.relu(y)])


def strided_conv2d() -> LayerTask:
    """1×1 with stride 2: no padding, no window."""
    x, w = _tensor(1, 28, 28, 32, name="x"), _tensor(1, 1, 32, 64, name="w")
    y = topi.nn.conv2d(x, w, 2, 0, 1, data_layout="NHWC", kernel_layout="HWIO")
    return _task("conv2d", [x, w, topi.nn.relu(y)])


def depthwise_conv2d() -> LayerTask:
    """3×3 with stride 2, a channel at a time: 28×28, 64 channels."""
    x, w = _tensor(1, 28, 28, 64, name="x"), _tensor(3, 3, 1, 64, name="w")
    y = topi.nn.group_conv2d_nhwc(x, w, 2, 1, 1, 64)
    return _task("depthwise_conv2d", [x, w, topi.nn.relu(y)])


def dense() -> LayerTask:
    """A vector times a matrix: 256 → 1000."""
    x, w = _tensor(1, 256, name="x"), _tensor(256, 1000, name="w")
    return _task("dense", [x, w, topi.nn.relu(topi.nn.matmul(x, w))])


def max_pool2d() -> LayerTask:
    """3×3 windows with stride 2 over 28×28, 64 channels."""
    x = _tensor(1, 28, 28, 64, name="x")
    y = topi.nn.pool2d(x, (3, 3), (2, 2), (1, 1), (1, 1, 1, 1), "max", layout="NHWC")
    return _task("max_pool2d", [x, y])


def softmax() -> LayerTask:
    """Over 1000 classes: several reductions one after another."""
    x = _tensor(1, 1000, name="x")
    return _task("softmax", [x, topi.nn.softmax(x)])


def transpose() -> LayerTask:
    """A change of layout: nothing to tile, and nothing to choose on a CPU."""
    x = _tensor(1, 3, 32, 32, name="x")
    return _task("transpose", [x, topi.transpose(x, (0, 2, 3, 1))])


TASKS: dict[str, Callable[[], LayerTask]] = {
    "conv2d": conv2d,
    "strided_conv2d": strided_conv2d,
    "depthwise_conv2d": depthwise_conv2d,
    "dense": dense,
    "max_pool2d": max_pool2d,
    "softmax": softmax,
    "transpose": transpose,
}


def _tensor(*shape: int, name: str) -> Any:
    return te.placeholder(shape, "float32", name=name)


def _task(operator: str, tensors: list[Any]) -> LayerTask:
    function = te.create_prim_func(tensors)
    if "layout_free_buffers" in function.attrs:
        function = function.without_attr("layout_free_buffers")
    module = tvm.IRModule({"main": function})
    return LayerTask(
        name=operator,
        operator=operator,
        workload_key=operator,
        weight=1,
        flop=1.0,
        args=(),
        program=tvm.ir.save_json(module),
        network="none",
    )
