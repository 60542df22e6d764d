"""Pooling, with all padding written out: TVM's importer rounds `SAME_LOWER` down."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import relax

from dgtl_ray.model.onnx_ops.native import natively
from dgtl_ray.model.onnx_ops.node import Node
from dgtl_ray.model.onnx_ops.table import converts


@dataclass(frozen=True, kw_only=True)
class _Window:
    """A pooling's window, axis by axis.

    Attributes:
        head: Padding before.
        tail: Padding behind, as the node asks for it.
        rest: What the last window reaches beyond that, where sizes are rounded up.
    """

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    head: list[int]
    tail: list[int]
    rest: list[int]

    @property
    def whole(self) -> list[int]:
        """Padding before, then behind, all in all."""
        return self.head + [a + b for a, b in zip(self.tail, self.rest, strict=True)]


@converts("MaxPool")
def max_pool(node: Node) -> Any:
    """The largest value of each window."""
    if node.outputs > 1:
        raise node.refuse("the second output, Indices, is not supported")
    window = _window(node)
    return _pool(node, "max", node.emit(node.inputs[0]), window, window.whole)


@converts("AveragePool")
def average_pool(node: Node) -> Any:
    """The mean of each window, of its padding too where that counts."""
    window, x = _window(node), node.emit(node.inputs[0])
    if not node.attr("count_include_pad", 0):
        return _pool(node, "avg", x, window, window.whole)
    padded = _padded(node, x, window.head, window.tail)
    # What is beyond the padding does not count.
    return _pool(node, "avg", padded, window, [0] * len(window.head) + window.rest)


@converts("LpPool")
def lp_pool(node: Node) -> Any:
    """(Σ |x|ᵖ)^(1/p) of each window."""
    window, power = _window(node), float(node.attr("p", 2))
    raised = node.emit(relax.op.power(relax.op.abs(node.inputs[0]), node.const(power)))
    tail = window.whole[len(window.head) :]
    padded = _padded(node, raised, window.head, tail)
    mean = _pool(node, "avg", padded, window, [0] * 2 * len(window.head))
    total = relax.op.multiply(mean, node.const(np.prod(window.kernel)))
    return relax.op.power(total, node.const(1 / power))


def _pool(node: Node, kind: str, x: Any, window: _Window, padding: list[int]) -> Any:
    rank = len(window.kernel)
    if rank not in (1, 2, 3):
        raise node.refuse(f"pooling over {rank} axes is not supported")
    if kind == "avg" and any(dilation > 1 for dilation in window.dilations):
        return _mean_of_taps(node, x, window, padding)
    pool = getattr(relax.op.nn, f"{kind}_pool{rank}d")
    return node.emit(
        pool(x, window.kernel, window.strides, padding, window.dilations, False, False)
    )


def _mean_of_taps(node: Node, x: Any, window: _Window, padding: list[int]) -> Any:
    """Sums of what lies under each tap of the windows, by how many lie inside `x`.

    TVM's own divides by more than a window with gaps holds.
    """
    rank, sizes = len(window.kernel), node.shape_of(x)[2:]
    head, tail = padding[:rank], padding[rank:]
    wide = _padded(node, x, head, tail)
    inside = np.pad(np.ones(sizes, np.float32), list(zip(head, tail, strict=True)))
    ends = [
        (size - (k - 1) * dilation - 1) // stride * stride + 1
        for size, k, dilation, stride in zip(
            inside.shape, window.kernel, window.dilations, window.strides, strict=True
        )
    ]
    total: Any = None
    count: Any = 0
    for tap in np.ndindex(*window.kernel):
        begin = [t * dilation for t, dilation in zip(tap, window.dilations, strict=True)]
        end = [b + e for b, e in zip(begin, ends, strict=True)]
        under = relax.op.strided_slice(wide, list(range(2, 2 + rank)), begin, end, window.strides)
        total = node.emit(under if total is None else relax.op.add(total, under))
        places = zip(begin, end, window.strides, strict=True)
        count = count + inside[tuple(slice(*place) for place in places)]
    return node.emit(relax.op.divide(total, node.const(count)))


def _padded(node: Node, x: Any, head: list[int], tail: list[int]) -> Any:
    if not any(head + tail):
        return x
    width = [0, 0, 0, 0, *(size for pair in zip(head, tail, strict=True) for size in pair)]
    return node.emit(relax.op.nn.pad(x, width))


def _window(node: Node) -> _Window:
    sizes = node.shape()[2:]
    rank = len(sizes)
    kernel = [int(k) for k in node.attr("kernel_shape", [])]
    strides = node.attr("strides", [1] * rank)
    dilations = node.attr("dilations", [1] * rank)
    pads = _pads(node, sizes, kernel, strides, dilations)
    ceil = bool(node.attr("ceil_mode", 0))
    rest = []
    for axis, size in enumerate(sizes):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        total = size + pads[axis] + pads[rank + axis]
        steps = (total - reach) // strides[axis]
        if ceil and (total - reach) % strides[axis]:
            begins = (steps + 1) * strides[axis]
            # A window that would begin in the padding behind is none.
            steps += begins < size + pads[axis]
        rest.append(max(steps * strides[axis] + reach - total, 0))
    return _Window(
        kernel=kernel,
        strides=strides,
        dilations=dilations,
        head=pads[:rank],
        tail=pads[rank:],
        rest=rest,
    )


def _pads(
    node: Node, sizes: tuple[int, ...], kernel: list[int], strides: list[int], dilations: list[int]
) -> list[int]:
    """Padding before each axis, then behind."""
    auto = node.attr("auto_pad", "NOTSET")
    rank = len(sizes)
    if auto == "NOTSET":
        return [int(pad) for pad in node.attr("pads", [0] * 2 * rank)]
    if auto == "VALID":
        return [0] * 2 * rank
    head, tail = [], []
    for size, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        needed = max((-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size, 0)
        small, large = needed // 2, needed - needed // 2
        head.append(small if auto == "SAME_UPPER" else large)
        tail.append(large if auto == "SAME_UPPER" else small)
    return head + tail


@converts("RoiAlign")
def roi_align(node: Node) -> Any:
    """TVM's, whose largest value is not ONNX's: that of the inputs, not of their weighted parts."""
    if node.attr("mode", "avg") != "avg":
        raise node.refuse(f"mode={node.attr('mode', 'avg')} is not supported")
    return natively(node)
