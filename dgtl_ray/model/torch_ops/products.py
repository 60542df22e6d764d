"""Matrix products and convolutions in the dtype of their arguments.

16-bit floats are summed up in float32, as torch does, and rounded once.
"""

from collections.abc import Callable
from typing import Any

from tvm import relax

from dgtl_ray.core.errors import InputError
from dgtl_ray.model.torch_ops.call import Call, Converter, dtype_of, per_axis, shape_of

_AXES = "DHW"


def _sum_dtype(dtype: str) -> str:
    return "float32" if dtype in {"float16", "bfloat16"} else dtype


def _product(call: Call, x: Any, y: Any) -> Any:
    return call.emit(relax.op.matmul(x, y, out_dtype=_sum_dtype(dtype_of(x))))


def _matmul(call: Call) -> Any:
    return _product(call, call.args[0], call.args[1])


def _add_product(call: Call) -> Any:
    """Addend · beta + x @ y · alpha."""
    addend, x, y, beta, alpha = call.args
    product = _times(call, _product(call, x, y), alpha)
    if beta == 0:
        return product
    scaled = _times(call, call.cast(addend, dtype_of(product)), beta)
    return call.emit(relax.op.add(scaled, product))


def _times(call: Call, x: Any, factor: Any) -> Any:
    if factor == 1:
        return x
    return call.emit(relax.op.multiply(x, relax.const(factor, dtype_of(x))))


def _convolution(call: Call) -> Any:
    x, weight, bias, stride, padding, dilation, transposed, extra, groups = call.args
    axes = len(shape_of(x)) - 2
    if not 1 <= axes <= len(_AXES):
        raise InputError(f"a convolution over {axes} axes")
    if transposed:  # of which TVM has none that sums up in another dtype
        wide_dtype = _sum_dtype(dtype_of(x))
        x, weight = call.cast(x, wide_dtype), call.cast(weight, wide_dtype)
    spatial = _AXES[-axes:]
    kernel = "IO" if transposed else "OI"
    attributes = {
        "strides": per_axis(stride, axes),
        "padding": per_axis(padding, axes),
        "dilation": per_axis(dilation, axes),
        "groups": groups,
        "data_layout": f"NC{spatial}",
        "kernel_layout": f"{kernel}{spatial}",
        "out_dtype": _sum_dtype(dtype_of(x)),
    }
    if transposed:
        attributes["output_padding"] = per_axis(extra, axes)
    result = call.emit(_OPERATORS[transposed][axes - 1](x, weight, **attributes))
    if bias is None:
        return result
    wide = call.cast(bias, dtype_of(result))
    return call.emit(relax.op.add(result, relax.op.reshape(wide, [1, -1, *[1] * axes])))


_OPERATORS: dict[bool, tuple[Callable[..., Any], ...]] = {
    False: (relax.op.nn.conv1d, relax.op.nn.conv2d, relax.op.nn.conv3d),
    True: (
        relax.op.nn.conv1d_transpose,
        relax.op.nn.conv2d_transpose,
        relax.op.nn.conv3d_transpose,
    ),
}


CONVERTERS: dict[str, Converter] = {
    "mm.default": _matmul,
    "bmm.default": _matmul,
    "matmul.default": _matmul,
    "addmm.default": _add_product,
    "baddbmm.default": _add_product,
    "convolution.default": _convolution,
}
