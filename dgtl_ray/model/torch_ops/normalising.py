"""Normalisations that TVM writes as one function which cannot be scheduled, or not at all."""

from typing import Any

import numpy as np
from tvm import relax

from dgtl_ray.model.torch_ops.call import Call, Converter, constant, dtype_of, shape_of
from dgtl_ray.model.torch_ops.reductions import moments


def _by_own_statistics(call: Call) -> Any:
    """Batch norm by the batch's own mean and variance: instance norm, for instance."""
    x, weight, bias, _, _, epsilon = call.args
    dtype, rank = dtype_of(x), len(shape_of(x))
    wide = call.cast(x, "float32") if dtype in {"float16", "bfloat16"} else x
    axes = [axis for axis in range(rank) if axis != 1]
    variance, mean = moments(call, wide, axes, 0, keep=True)
    shifted = call.emit(relax.op.add(variance, relax.const(epsilon, dtype_of(wide))))
    centred = call.emit(relax.op.subtract(wide, mean))
    result = call.emit(relax.op.multiply(centred, call.emit(relax.op.rsqrt(shifted))))
    channel = [1, -1, *[1] * (rank - 2)]
    for operator, part in ((relax.op.multiply, weight), (relax.op.add, bias)):
        if part is not None:
            one = call.emit(relax.op.reshape(call.cast(part, dtype_of(wide)), channel))
            result = call.emit(operator(result, one))
    return (call.cast(result, dtype), None, None)


def _group_norm(call: Call) -> Any:
    """With weights and biases of one and zero where there are none."""
    x, weight, bias, _, channels, _, groups, epsilon = call.args
    dtype = dtype_of(x)
    return call.emit(
        relax.op.nn.group_norm(
            x,
            constant(np.ones(channels), dtype) if weight is None else weight,
            constant(np.zeros(channels), dtype) if bias is None else bias,
            num_groups=groups,
            channel_axis=1,
            axes=list(range(2, len(shape_of(x)))),
            epsilon=epsilon,
        )
    )


CONVERTERS: dict[str, Converter] = {
    "_native_batch_norm_legit.no_stats": _by_own_statistics,
    "native_group_norm.default": _group_norm,
}
