"""Normalisations that TVM writes as one function which cannot be scheduled, or not at all."""

from typing import Any

import numpy as np
from tvm import relax

from dgtl_ray.model.torch_ops.call import Call, Converter, constant, dtype_of, shape_of, tvm_dtype
from dgtl_ray.model.torch_ops.reductions import moments

_NARROW = {"float16", "bfloat16"}


def _by_own_statistics(call: Call) -> Any:
    """Batch norm by the batch's own mean and variance: instance norm, for instance."""
    x, weight, bias, _, _, epsilon = call.args
    wide = call.cast(x, _wide(dtype_of(x)))
    axes = [axis for axis in range(len(shape_of(x))) if axis != 1]
    variance, mean = moments(call, wide, axes, 0, keep=True)
    return (_normed(call, wide, mean, variance, (weight, bias, epsilon)), None, None)


def _by_known_statistics(call: Call) -> Any:
    """Batch norm of narrow floats, in float32 as torch computes it; others are TVM's."""
    x, weight, bias, mean, variance, _, epsilon = call.args
    if dtype_of(x) not in _NARROW:
        return NotImplemented
    wide = call.cast(x, "float32")
    mean, variance = (_by_channel(call, part, wide) for part in (mean, variance))
    return (_normed(call, wide, mean, variance, (weight, bias, epsilon)), None, None)


def _wide(dtype: str) -> str:
    return "float32" if dtype in _NARROW else dtype


def _by_channel(call: Call, part: Any, x: Any) -> Any:
    """One number a channel, so that it broadcasts against `x`."""
    shape = [1, -1, *[1] * (len(shape_of(x)) - 2)]
    return call.emit(relax.op.reshape(call.cast(part, dtype_of(x)), shape))


def _normed(call: Call, x: Any, mean: Any, variance: Any, rest: tuple[Any, Any, float]) -> Any:
    """(x - mean) / sqrt(variance + epsilon) · weight + bias, in the result's dtype."""
    weight, bias, epsilon = rest
    shifted = call.emit(relax.op.add(variance, relax.const(epsilon, dtype_of(x))))
    centred = call.emit(relax.op.subtract(x, mean))
    result = call.emit(relax.op.multiply(centred, call.emit(relax.op.rsqrt(shifted))))
    for operator, part in ((relax.op.multiply, weight), (relax.op.add, bias)):
        if part is not None:
            result = call.emit(operator(result, _by_channel(call, part, x)))
    return call.cast(result, tvm_dtype(call.result[0].dtype))


def _layer_norm(call: Call) -> Any:
    """Of bfloat16, which TVM's does not take; others are TVM's."""
    x, shape, weight, bias, epsilon = call.args
    if dtype_of(x) != "bfloat16":
        return NotImplemented
    wide = call.cast(x, "float32")
    axes = list(range(len(shape_of(x)) - len(shape), len(shape_of(x))))
    given = (
        constant(np.full(shape, absent), "float32") if part is None else call.cast(part, "float32")
        for part, absent in ((weight, 1), (bias, 0))
    )
    normed = call.emit(relax.op.nn.layer_norm(wide, *given, axes, epsilon))
    return (call.cast(normed, "bfloat16"), None, None)


def _group_norm(call: Call) -> Any:
    """With weights and biases of one and zero where there are none."""
    x, weight, bias, _, channels, _, groups, epsilon = call.args
    # TVM's takes no bfloat16.
    dtype = "float32" if dtype_of(x) == "bfloat16" else dtype_of(x)
    normed = call.emit(
        relax.op.nn.group_norm(
            call.cast(x, dtype),
            constant(np.ones(channels), dtype) if weight is None else call.cast(weight, dtype),
            constant(np.zeros(channels), dtype) if bias is None else call.cast(bias, dtype),
            num_groups=groups,
            channel_axis=1,
            axes=list(range(2, len(shape_of(x)))),
            epsilon=epsilon,
        )
    )
    return call.cast(normed, dtype_of(x))


CONVERTERS: dict[str, Converter] = {
    "_native_batch_norm_legit.no_stats": _by_own_statistics,
    "_native_batch_norm_legit_no_training.default": _by_known_statistics,
    "native_layer_norm.default": _layer_norm,
    "native_group_norm.default": _group_norm,
}
