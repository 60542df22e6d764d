"""Values written or gathered at places that the data names."""

from typing import Any

from tvm import relax

from dgtl_ray.core.errors import InputError
from dgtl_ray.model.torch_ops.call import Call, Converter, axis_of, dtype_of, shape_of

_REDUCTIONS = {"sum": "add", "prod": "mul", "amax": "max", "amin": "min"}


def _scatter_add(call: Call) -> Any:
    x, dim, index, source = call.args
    return _scatter(call, x, dim, index, source, "add")


def _scatter_reduce(call: Call) -> Any:
    x, dim, index, source, how, include_self = call.args
    if how not in _REDUCTIONS or not include_self:
        raise InputError(f"reduction {how!r}" + ("" if include_self else " without the old value"))
    return _scatter(call, x, dim, index, source, _REDUCTIONS[how])


def _scatter(call: Call, x: Any, dim: int, index: Any, source: Any, reduction: str) -> Any:
    """Of the source only as much counts as there are indices."""
    shape = shape_of(index)
    if shape_of(source) != shape:
        axes = list(range(len(shape)))
        source = call.emit(relax.op.strided_slice(source, axes, [0] * len(shape), list(shape)))
    axis = axis_of(dim, len(shape_of(x)))
    source = call.cast(source, dtype_of(x))
    return call.emit(relax.op.scatter_elements(x, index, source, axis, reduction))


def _grid_sample(call: Call) -> Any:
    """Samples at a grid of places; coordinates are its last axis in torch, the second in TVM."""
    x, grid, mode, padding, aligned = call.args
    coordinates = call.emit(relax.op.permute_dims(grid, [0, 3, 1, 2]))
    return call.emit(
        relax.op.image.grid_sample(
            x,
            coordinates,
            method=("bilinear", "nearest", "bicubic")[mode],
            layout="NCHW",
            padding_mode=("zeros", "border", "reflection")[padding],
            align_corners=bool(aligned),
        )
    )


CONVERTERS: dict[str, Converter] = {
    "scatter_add.default": _scatter_add,
    "scatter_reduce.two": _scatter_reduce,
    "grid_sampler_2d.default": _grid_sample,
}
