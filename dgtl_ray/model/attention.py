"""Attention as one function: two products and a softmax, and what only moves data around them.

A network has it as many operators: reshapes, transposes and slices that deal the heads out,
scaling, a product, a mask, a softmax, another product, a transpose that puts the heads side by
side. Each would be a layer of its own, and most of them only move memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import tvm
from tvm import relax, sym, te, tirx
from tvm.relax.expr_functor import PyExprMutator, mutator

from dgtl_ray.model.folding import constant_value, permutation, static_shape
from dgtl_ray.model.uses import count_uses
from dgtl_ray.space.sketches.own.attention_program import AttentionShape, attention

_SCALES = ("relax.multiply", "relax.divide")


@dataclass(frozen=True, kw_only=True)
class _View:
    """A tensor as a chain of operators that move its elements, or scale all by one number.

    Attributes:
        base: What they begin with.
        steps: The operators' calls, the first one first.
        shape: Of the tensor.
    """

    base: Any
    steps: tuple[Any, ...]
    shape: tuple[int, ...]

    @property
    def factor(self) -> float:
        """What all elements are multiplied by."""
        return prod(factor_of(step) or 1.0 for step in self.steps)

    def at(self, tensor: Any, indices: Sequence[Any]) -> Any:
        """An element of the view, `tensor` being in the place of `base`."""
        for step in reversed(self.steps):
            rule = _MOVES.get(_name(step))
            indices = indices if rule is None else rule(step, indices)
        return tensor(*indices)


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """An attention that was found.

    Attributes:
        query: (…, tokens, width).
        key: (…, width, others).
        value: (…, others, out).
        bias: What is added to the scores, None where nothing is.
        front: Leading axes of the scores where it is added: the heads, perhaps dealt out anew.
        scale: What the scores are multiplied by.
        shape: Of the result: (batch, heads, tokens, out), or both in front in one.
    """

    query: Any
    key: Any
    value: Any
    bias: Any
    front: tuple[int, ...]
    scale: float
    shape: tuple[int, ...]


@tvm.transform.module_pass(opt_level=0, name="JoinAttention")
class JoinAttention:
    """Makes one function of each attention in `main`, in float32 and of static shape."""

    def transform_module(self, mod: Any, _context: Any) -> Any:
        """The module with a rewritten `main`; what became dead is left to others."""
        joiner = _Joiner(mod, count_uses(mod["main"]))
        joiner.builder_.update_func(mod.get_global_var("main"), joiner.visit_expr(mod["main"]))
        return joiner.builder_.get()


@mutator
class _Joiner(PyExprMutator):  # type: ignore[misc]
    """Rewrites one function, binding by binding."""

    def __init__(self, mod: Any, uses: Any) -> None:
        super().__init__(mod)
        self._uses = uses
        self._single: set[Any] = set()  # new variables that are read once
        self._found: dict[Any, _Parts] = {}  # by the new variable that holds the result
        self._pending: list[_Parts] = []  # of the binding that is being visited

    def visit_var_binding_(self, binding: Any) -> None:
        """Remember of which old variable a new one takes the place."""
        self._pending.clear()
        super().visit_var_binding_(binding)
        variable = self.visit_expr(binding.var)
        if self._uses[binding.var] == 1:
            self._single.add(variable)
        self._found.update((variable, parts) for parts in self._pending)

    def visit_call_(self, call: Any) -> Any:
        """The call, or an attention in the place of its last product, or of what follows it."""
        call = self.visit_expr_post_order(call)
        name = getattr(call.op, "name", "")
        found = None
        if name == "relax.matmul":
            found = self._attention(call)
        elif name == "relax.reshape":
            merged = self._merged(call)
            if merged is not None:
                return self._joined(merged, merged=True)
            found = self._dealt(call)
        if found is None:
            return call
        self._pending.append(found)
        return self._joined(found, merged=False)

    def _attention(self, call: Any) -> _Parts | None:
        """The parts of an attention whose last operator is a product."""
        weights, value = call.args
        softmax = self._behind_views(weights)
        if _name(softmax) != "relax.nn.softmax" or not _fits(call):
            return None
        rank = len(softmax.ty.shape)
        if int(softmax.attrs.axis) % rank != rank - 1:
            return None
        return self._scores(softmax.args[0], value, static_shape(call.ty))

    def _scores(self, scores: Any, value: Any, shape: tuple[int, ...]) -> _Parts | None:
        """What the softmax is of: a product, perhaps scaled, and perhaps with something added."""
        bound, bias, scale, front = self._behind_views(scores), None, 1.0, shape[:-2]
        if _name(bound) == "relax.add":
            front = static_shape(bound.ty)[:-2]
            sides = self._product_side(bound)
            if sides is None:
                return None
            bound, bias = sides
        while (number := self._number(bound)) is not None:
            scale *= number
            bound = self._behind_views(bound.args[0])
        if _name(bound) != "relax.matmul" or not _fits(bound):
            return None
        query, key = bound.args
        if prod(static_shape(query.ty)[:-2]) != prod(shape[:-2]):
            return None
        return _Parts(
            query=query, key=key, value=value, bias=bias, front=front, scale=scale, shape=shape
        )

    def _behind_views(self, expr: Any) -> Any:
        """What is read here only, reshapes that leave the last two axes alone seen through."""
        bound = self._only_here(expr)
        while _name(bound) in ("relax.reshape", "relax.broadcast_to"):
            inner, outer = static_shape(bound.args[0].ty), static_shape(bound.ty)
            if inner[-2:] != outer[-2:] or prod(inner) != prod(outer):
                break
            bound = self._only_here(bound.args[0])
        return bound

    def _dealt(self, call: Any) -> _Parts | None:
        """An attention whose result is dealt out to examples and heads anew."""
        parts = self._found.get(call.args[0])
        shape = static_shape(call.ty)
        if parts is None or len(shape) not in (3, 4) or shape[-2:] != parts.shape[-2:]:
            return None
        return replace(parts, shape=shape)

    def _product_side(self, call: Any) -> tuple[Any, Any] | None:
        """Of an addition what the product is bound to, and the other side."""
        for side, other in (call.args, reversed(call.args)):
            bound = self._behind_views(side)
            same = bound is not None and static_shape(side.ty) == static_shape(call.ty)
            if same and _name(bound) in ("relax.matmul", *_SCALES):
                return bound, other
        return None

    def _merged(self, call: Any) -> _Parts | None:
        """The attention whose heads a transpose and this reshape put side by side."""
        transpose = self._only_here(call.args[0])
        if _name(transpose) != "relax.permute_dims" or permutation(transpose) != (0, 2, 1, 3):
            return None
        source = transpose.args[0]
        parts = self._found.get(source)
        if parts is None or source not in self._single:
            return None
        batch, heads, tokens, out = parts.shape
        fits = static_shape(call.ty) == (batch, tokens, heads * out)
        return parts if fits else None

    def _joined(self, parts: _Parts, *, merged: bool) -> Any:
        """The call of a function that does it all."""
        operands = [parts.query, parts.key, parts.value, parts.bias]
        views = [self._view(one) for one in operands if one is not None]
        bases = list(dict.fromkeys(view.base for view in views))
        key_shape = static_shape(parts.key.ty)
        *heads, tokens, out = parts.shape
        shape = AttentionShape(
            batch=prod(heads[:-1]),
            heads=heads[-1],
            tokens=tokens,
            others=key_shape[-1],
            width=key_shape[-2],
            out=out,
            biased=parts.bias is not None,
            merged=merged,
        )

        def compute(*tensors: Any) -> Any:
            of = dict(zip(bases, tensors, strict=True))
            return _program(shape, parts, [(view, of[view.base]) for view in views])

        call = self.builder_.call_te(compute, *bases, primfunc_name_hint="attention")
        if merged or len(heads) == 2:
            return call
        return self.builder_.normalize(relax.op.reshape(self.builder_.emit(call), parts.shape))

    def _view(self, expr: Any) -> _View:
        steps: list[Any] = []
        shape = static_shape(expr.ty)
        while isinstance(expr, relax.Var):
            bound = self._with_constant(self.lookup_binding(expr))
            if _name(bound) not in _MOVES and factor_of(bound) is None:
                break
            steps.insert(0, bound)
            expr = bound.args[0]
        return _View(base=expr, steps=tuple(steps), shape=shape)

    def _number(self, call: Any) -> float | None:
        """What a call multiplies everything by, None where it does not."""
        return factor_of(self._with_constant(call))

    def _with_constant(self, call: Any) -> Any:
        """A scaling that holds its constant itself, whatever variable is bound to that."""
        if _name(call) not in _SCALES:
            return call
        return relax.Call(call.op, [call.args[0], self._value(call.args[1])], call.attrs)

    def _only_here(self, expr: Any) -> Any:
        """What a variable that is read once is bound to; None for any other expression."""
        if isinstance(expr, relax.Var) and expr in self._single:
            return self.lookup_binding(expr)
        return None

    def _value(self, arg: Any) -> Any:
        bound = self.lookup_binding(arg) if isinstance(arg, relax.Var) else None
        return bound if isinstance(bound, tvm.ir.GenericConst) else arg


def _name(call: Any) -> str:
    return str(getattr(getattr(call, "op", None), "name", ""))


def _fits(call: Any) -> bool:
    """Whether a product is of float32 matrices, as many left as right, heads in front."""
    types = [call.ty, *(arg.ty for arg in call.args)]
    if any(str(one.dtype) != "float32" for one in types):
        return False
    fronts = {static_shape(one)[:-2] for one in types}
    return len(fronts) == 1 and len(next(iter(fronts))) in (1, 2)


def factor_of(call: Any) -> float | None:
    """What a call multiplies everything by, None where it does anything else."""
    value = constant_value(call.args[1]) if _name(call) in _SCALES else None
    if value is None or value.size != 1 or value.ndim > len(call.args[0].ty.shape):
        return None
    number = float(value.reshape(()))
    return number if _name(call) == "relax.multiply" else 1.0 / number


def _program(shape: AttentionShape, parts: _Parts, views: Sequence[tuple[_View, Any]]) -> Any:
    """The attention of views (the key transposed), each operand a computation of its own."""
    front = (shape.batch, shape.heads)
    query, key, value, *bias = views
    operands = [
        _operand("query", (*front, shape.tokens, shape.width), query, parts.scale),
        _operand("key", (*front, shape.others, shape.width), key, 1.0, turned=True),
        _operand("value", (*front, shape.others, shape.out), value, 1.0),
    ]
    pairs = (*front, shape.tokens, shape.others)
    operands += [_bias(pairs, view, parts.front) for view in bias]
    return attention(shape, operands)


def _operand(
    name: str,
    shape: tuple[int, ...],
    view: tuple[_View, Any],
    scale: float,
    *,
    turned: bool = False,
) -> Any:
    """A view as (examples, heads, tokens, channels), scaled; `turned`: its channels come first."""
    scale *= view[0].factor

    def element(b: Any, h: Any, i: Any, d: Any) -> Any:
        last = (d, i) if turned else (i, d)
        front = _unravelled(b * shape[1] + h, view[0].shape[:-2])
        found = _element(view, (*front, *last), (b, h, i, d), shape)
        return found if scale == 1.0 else found * tirx.const(scale, "float32")

    return te.compute(shape, element, name=f"attention_{name}")


def _bias(pairs: tuple[int, ...], view: tuple[_View, Any], front: tuple[int, ...]) -> Any:
    """What is added to scores with these axes in front, for each example and head."""
    sizes = view[0].shape

    def element(*at: Any) -> Any:
        b, h, *last = at
        every = (*_unravelled(b * pairs[1] + h, front), *last)
        used = every[len(every) - len(sizes) :]
        indices = [0 if size == 1 else i for i, size in zip(used, sizes, strict=True)]
        found = _element(view, indices, at, pairs)
        return found if view[0].factor == 1.0 else found * tirx.const(view[0].factor, "float32")

    return te.compute(pairs, element, name="attention_bias")


def _element(
    view: tuple[_View, Any], indices: Sequence[Any], axes: Sequence[Any], shape: Sequence[int]
) -> Any:
    """An element of a view at `indices`, which are made of `axes`, below `shape`; simplified."""
    analyzer = sym.Analyzer()
    for axis, size in zip(axes, shape, strict=True):
        analyzer.bind(axis, tvm.ir.Range(0, size))
    return analyzer.simplify(view[0].at(view[1], indices))


def _numbers(values: Any) -> list[int]:
    return [int(value.value if hasattr(value, "value") else value) for value in values]


def _reshaped(call: Any, indices: Sequence[Any]) -> Sequence[Any]:
    """The same place in a row of all elements."""
    place: Any = 0
    for index, size in zip(indices, static_shape(call.ty), strict=True):
        place = place * size + index
    return _unravelled(place, static_shape(call.args[0].ty))


def _unravelled(place: Any, sizes: tuple[int, ...]) -> list[Any]:
    """The indices below `sizes` of a place in a row of all elements."""
    return [place // prod(sizes[k + 1 :]) % size for k, size in enumerate(sizes)]


def _transposed(call: Any, indices: Sequence[Any]) -> Sequence[Any]:
    axes = permutation(call)
    return [indices[axes.index(k)] for k in range(len(axes))]


def _sliced(call: Any, indices: Sequence[Any]) -> Sequence[Any]:
    axes, begin, _, *given = (_numbers(arg) for arg in call.args[1:])
    strides = given[0] if given else [1] * len(axes)
    result = list(indices)
    sizes = static_shape(call.args[0].ty)
    for axis, start, stride in zip(axes, begin, strides, strict=True):
        first = start + sizes[axis] if start < 0 else start
        result[axis] = result[axis] * stride + max(min(first, sizes[axis] - 1), 0)
    return result


def _repeated(call: Any, indices: Sequence[Any]) -> Sequence[Any]:
    sizes = static_shape(call.args[0].ty)
    used = indices[len(indices) - len(sizes) :]
    return [0 if size == 1 else index for index, size in zip(used, sizes, strict=True)]


# Operators that only move elements: from the index of an element to that of where it comes from.
_MOVES = {
    "relax.reshape": _reshaped,
    "relax.squeeze": _reshaped,
    "relax.expand_dims": _reshaped,
    "relax.permute_dims": _transposed,
    "relax.strided_slice": _sliced,
    "relax.broadcast_to": _repeated,
}
