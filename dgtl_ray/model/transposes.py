"""Moves transposes behind operators that work in any layout, until they meet their inverses.

`ConvertLayout` puts a transpose around each operator that it has no rule for: clip, leaky ReLU,
where, pad. Such a transpose is a layer of its own, which moves a whole tensor, and keeps the
activation out of the convolution's layer.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tvm
from tvm import relax
from tvm.relax.expr_functor import PyExprMutator, mutator

from dgtl_ray.model.elementwise import ELEMENTWISE
from dgtl_ray.model.folding import constant_value, permutation
from dgtl_ray.model.transposed_convolution import is_lowered

Axes = tuple[int, ...]

_REDUCTIONS = ("relax.mean", "relax.sum", "relax.max", "relax.min")
_CHANNELS_LAST: Axes = (0, 2, 3, 1)
_CHANNELS_FIRST: Axes = (0, 3, 1, 2)


@tvm.transform.module_pass(opt_level=0, name="SinkTransposes")
class SinkTransposes:
    """Moves transposes of `main` towards its outputs; two that meet become one, or none."""

    def transform_module(self, mod: Any, _context: Any) -> Any:
        """The module with a rewritten `main`; what became dead is left to others."""
        sinker = _Sinker(mod)
        sinker.builder_.update_func(mod.get_global_var("main"), sinker.visit_expr(mod["main"]))
        return sinker.builder_.get()


@mutator
class _Sinker(PyExprMutator):  # type: ignore[misc]
    """Rewrites one function, binding by binding."""

    def visit_call_(self, call: Any) -> Any:
        """The call, or a transpose of the same operator before the transpose."""
        call = self.visit_expr_post_order(call)
        name = getattr(call.op, "name", "")
        if name == "relax.permute_dims":
            return self.composed(call)
        if name in ELEMENTWISE:
            return self._elementwise(call)
        rule = _RULES.get(name)
        return call if rule is None else rule(self, call)

    def source(self, expr: Any) -> tuple[Any, Axes] | None:
        """What is transposed, and how, where a variable is bound to a transpose."""
        bound = self.lookup_binding(expr) if isinstance(expr, relax.Var) else None
        name = getattr(getattr(bound, "op", None), "name", "")
        if bound is None or name != "relax.permute_dims":
            return None
        return bound.args[0], permutation(bound)

    def transposed(self, call: Any, axes: Axes) -> Any:
        """A transpose by `axes` of what `call` gives."""
        return self.builder_.normalize(relax.op.permute_dims(self.builder_.emit(call), axes))

    def composed(self, call: Any) -> Any:
        """One transpose for two, and none where they undo each other, or for a constant."""
        value = constant_value(self.value(call.args[0]))
        if value is not None:
            moved = np.ascontiguousarray(np.transpose(value, permutation(call)))
            return relax.const(moved, str(call.ty.dtype))
        found = self.source(call.args[0])
        if found is None:
            return call
        inner, first = found
        axes = tuple(first[axis] for axis in permutation(call))
        if axes == tuple(range(len(axes))):
            return inner
        return self.builder_.normalize(relax.op.permute_dims(inner, axes))

    def _elementwise(self, call: Any) -> Any:
        rank = len(call.ty.shape)
        found = [one for one in map(self.source, call.args) if one and len(one[1]) == rank]
        if not found:
            return call
        axes = found[0][1]
        args = [self._moved(arg, axes) for arg in call.args]
        if any(arg is None for arg in args):
            return call
        return self.transposed(relax.Call(call.op, args, call.attrs), axes)

    def _moved(self, arg: Any, axes: Axes) -> Any:
        """What, transposed by `axes`, is `arg`; None where that would move data once more."""
        found = self.source(arg)
        if found is not None and found[1] == axes:
            return found[0]
        value = constant_value(self.value(arg))
        if value is not None:
            return _constant(value, arg, axes)
        if not isinstance(getattr(arg, "ty", None), relax.TensorType) or len(arg.ty.shape) == 0:
            return arg
        if len(arg.ty.shape) == len(axes) and _is_flat(arg):
            return self.builder_.emit(relax.op.permute_dims(arg, _inverse(axes)))
        return None

    def value(self, arg: Any) -> Any:
        """The constant that a variable is bound to; else the argument itself."""
        bound = self.lookup_binding(arg) if isinstance(arg, relax.Var) else None
        return bound if isinstance(bound, tvm.ir.GenericConst) else arg


def _inverse(axes: Axes) -> Axes:
    return tuple(axes.index(axis) for axis in range(len(axes)))


def _is_flat(arg: Any) -> bool:
    """Whether all but one axis have extent 1: any transpose is a reshape."""
    return sum(dim != 1 for dim in map(int, arg.ty.shape)) <= 1


def _constant(value: Any, arg: Any, axes: Axes) -> Any:
    if value.ndim == 0:
        return arg
    full = value.reshape((1,) * (len(axes) - value.ndim) + value.shape)
    moved = np.ascontiguousarray(np.transpose(full, _inverse(axes)))
    return relax.const(moved, str(arg.ty.dtype))


def _pad(sinker: _Sinker, call: Any) -> Any:
    """Padding widths come in pairs, an axis after the other."""
    found = sinker.source(call.args[0])
    if found is None:
        return call
    inner, axes = found
    widths = [int(width) for width in call.attrs.pad_width]
    pairs = [widths[2 * at : 2 * at + 2] for at in _inverse(axes)]
    padded = relax.op.nn.pad(
        inner, [width for pair in pairs for width in pair], call.attrs.pad_mode,
        call.attrs.pad_value,
    )  # fmt: skip
    return sinker.transposed(padded, axes)


def _concat(sinker: _Sinker, call: Any) -> Any:
    fields = call.args[0]
    if isinstance(fields, relax.Var):
        fields = sinker.lookup_binding(fields)
    if not isinstance(fields, relax.Tuple) or call.attrs.axis is None:
        return call
    found = [sinker.source(field) for field in fields.fields]
    if any(one is None or one[1] != found[0][1] for one in found):  # type: ignore[index]
        return call
    axes = found[0][1]  # type: ignore[index]
    inner = relax.op.concat(
        [one[0] for one in found if one], axes[int(call.attrs.axis) % len(axes)]
    )
    return sinker.transposed(inner, axes)


def _take(sinker: _Sinker, call: Any) -> Any:
    """Places along one axis, as interpolation picks them."""
    found = sinker.source(call.args[0])
    if found is None or call.attrs.axis is None or len(call.args[1].ty.shape) != 1:
        return call
    inner, axes = found
    axis = axes[int(call.attrs.axis) % len(axes)]
    return sinker.transposed(relax.op.take(inner, call.args[1], axis, call.attrs.mode), axes)


def _reduce(sinker: _Sinker, call: Any) -> Any:
    """A reduction whose remaining axes stay in order leaves no transpose."""
    found = sinker.source(call.args[0])
    if found is None or call.attrs.axis is None:
        return call
    inner, axes = found
    reduced = [int(axis) % len(axes) for axis in call.attrs.axis]
    left = [axes[at] for at in range(len(axes)) if at not in reduced]
    if call.attrs.keepdims or left != sorted(left):
        return call
    function = getattr(relax.op, call.op.name.removeprefix("relax."))
    return sinker.builder_.normalize(function(inner, [axes[at] for at in reduced], keepdims=False))


def _prelu(sinker: _Sinker, call: Any) -> Any:
    found = sinker.source(call.args[0])
    if found is None:
        return call
    inner, axes = found
    axis = axes[int(call.attrs.axis) % len(axes)]
    return sinker.transposed(relax.op.nn.prelu(inner, call.args[1], axis), axes)


def _resize(sinker: _Sinker, call: Any) -> Any:
    found = sinker.source(call.args[0])
    attrs = call.attrs
    if found is None or (found[1], attrs.layout) != (_CHANNELS_FIRST, "NCHW"):
        return call
    roi = tuple(float(edge) for edge in attrs.roi)
    if any(roi):
        return call  # its order follows the layout
    resized = relax.op.image.resize2d(
        found[0], call.args[1], roi=roi, layout="NHWC", method=attrs.method,
        coordinate_transformation_mode=attrs.coordinate_transformation_mode,
        rounding_method=attrs.rounding_method, cubic_alpha=attrs.cubic_alpha,
        cubic_exclude=attrs.cubic_exclude, extrapolation_value=attrs.extrapolation_value,
        out_dtype=attrs.out_dtype or None,
    )  # fmt: skip
    return sinker.transposed(resized, found[1])


def _pool(sinker: _Sinker, call: Any) -> Any:
    found = sinker.source(call.args[0])
    attrs = call.attrs
    if found is None or (found[1], attrs.layout) != (_CHANNELS_FIRST, "NCHW"):
        return call
    pool = getattr(relax.op.nn, call.op.name.removeprefix("relax.nn."))
    pooled = pool(
        found[0], attrs.pool_size, attrs.strides, attrs.padding, attrs.dilation,
        ceil_mode=attrs.ceil_mode, count_include_pad=attrs.count_include_pad, layout="NHWC",
        out_layout="NHWC",
    )  # fmt: skip
    return sinker.transposed(pooled, found[1])


def _adaptive_pool(sinker: _Sinker, call: Any) -> Any:
    found = sinker.source(call.args[0])
    if found is None or (found[1], call.attrs.layout) != (_CHANNELS_FIRST, "NCHW"):
        return call
    size = call.attrs.output_size
    pooled = relax.op.nn.adaptive_avg_pool2d(found[0], size, layout="NHWC", out_layout="NHWC")
    return sinker.transposed(pooled, found[1])


def _conv2d_transpose(sinker: _Sinker, call: Any) -> Any:
    """Channels innermost where there is a lowering for it, and nowhere else.

    `ConvertLayout` switches those behind convolutions whatever they are.
    """
    weights = constant_value(sinker.value(call.args[1]))
    wanted = "NHWC" if weights is not None and is_lowered(call.attrs) else "NCHW"
    if call.attrs.data_layout == wanted:
        return call
    there, back = _CHANNELS_LAST, _CHANNELS_FIRST
    if wanted == "NCHW":
        there, back = back, there
    moved = sinker.builder_.normalize(relax.op.permute_dims(call.args[0], there))
    result = _in_layout(call, sinker.builder_.emit(sinker.composed(moved)), wanted)
    return sinker.transposed(result, back)


def _in_layout(call: Any, data: Any, layout: str) -> Any:
    attrs = call.attrs
    return relax.op.nn.conv2d_transpose(
        data, call.args[1], strides=attrs.strides, padding=attrs.padding,
        output_padding=attrs.output_padding, dilation=attrs.dilation, groups=attrs.groups,
        data_layout=layout, kernel_layout=attrs.kernel_layout, out_layout=layout,
        out_dtype=attrs.out_dtype or None,
    )  # fmt: skip


_RULES: Mapping[str, Callable[[_Sinker, Any], Any]] = {
    "relax.nn.pad": _pad,
    "relax.concat": _concat,
    "relax.take": _take,
    "relax.nn.prelu": _prelu,
    "relax.image.resize2d": _resize,
    "relax.nn.conv2d_transpose": _conv2d_transpose,
    "relax.nn.max_pool2d": _pool,
    "relax.nn.avg_pool2d": _pool,
    "relax.nn.adaptive_avg_pool2d": _adaptive_pool,
    **dict.fromkeys(_REDUCTIONS, _reduce),
}
