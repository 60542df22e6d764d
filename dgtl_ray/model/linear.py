"""Operators that are linear in their first argument and have constant weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import relax

from dgtl_ray.model.folding import Array, constant_value, static_shape

_CONVOLUTIONS = ("relax.nn.conv1d", "relax.nn.conv2d", "relax.nn.conv3d")
_TRANSPOSED = ("relax.nn.conv1d_transpose", "relax.nn.conv2d_transpose")


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A convolution, a transposed convolution, or a product with a constant matrix.

    Attributes:
        call: The call.
        weights: Their values.
        axis: Of the channels, in input and output, counted from the end for a matrix product.
        groups: Of channels.
        transposed: Whether the weights' first axis is that of the inputs.
        pads: Whether zeros are put around the input, or it is spread.
    """

    call: Any
    weights: Array
    axis: int
    groups: int
    transposed: bool
    pads: bool

    @classmethod
    def of(cls, call: Any, value: Callable[[Any], Any]) -> "Linear | None":
        """`call` as such an operator, or None; `value` tells what a variable is bound to."""
        name = getattr(getattr(call, "op", None), "name", "")
        if name not in (*_CONVOLUTIONS, *_TRANSPOSED, "relax.matmul"):
            return None
        weights = constant_value(value(call.args[1]))
        if weights is None or not str(call.ty.dtype).startswith("float"):
            return None
        if name == "relax.matmul":
            return cls._product(call, weights)
        return cls._convolution(call, weights, transposed=name in _TRANSPOSED)

    @classmethod
    def _product(cls, call: Any, weights: Array) -> "Linear | None":
        if weights.ndim != 2 or len(call.args[0].ty.shape) < 2:
            return None
        return cls(call=call, weights=weights, axis=-1, groups=1, transposed=True, pads=False)

    @classmethod
    def _convolution(cls, call: Any, weights: Array, *, transposed: bool) -> "Linear | None":
        attrs = call.attrs
        first, second = ("I", "O") if transposed else ("O", "I")
        layouts = (attrs.data_layout, attrs.out_layout or attrs.data_layout)
        if attrs.kernel_layout[:2] != first + second or any(text[:2] != "NC" for text in layouts):
            return None
        return cls(
            call=call,
            weights=weights,
            axis=1,
            groups=int(attrs.groups),
            transposed=transposed,
            pads=transposed or any(int(pad) for pad in attrs.padding),
        )

    def per_channel(self, constant: Array, shape: tuple[int, ...]) -> Array | None:
        """A constant that is broadcast to outputs of `shape`, as one value for each channel.

        None where it differs within a channel, or makes the result larger than the output.
        """
        return _vector(constant, static_shape(self.call.ty), shape, self.axis)

    def per_input(self, constant: Array, shape: tuple[int, ...]) -> Array | None:
        """A constant that is broadcast to inputs of `shape`, as one value for each channel."""
        return _vector(constant, shape, static_shape(self.call.args[0].ty), self.axis)

    def bias_shape(self, rank: int) -> tuple[int, ...]:
        """The shape in which one value for each output channel is broadcast."""
        return (-1,) if self.axis == -1 else (1, -1, *(1,) * (rank - 2))

    def scaled_outputs(self, factor: Array) -> Any:
        """The call with each output channel multiplied by its factor."""
        grouped = self._grouped()
        if self.transposed:
            scaled = grouped * self._spread(factor)
        else:
            scaled = grouped * self._spread(factor).swapaxes(1, 2)
        return self.with_args(self.call.args[0], scaled.reshape(self.weights.shape))

    def weights_for_scaled_inputs(self, factor: Array) -> Array:
        """Weights that do what input channels multiplied by their factors did."""
        grouped = self._grouped()
        spread = self._spread(factor)
        scaled = grouped * (spread.swapaxes(1, 2) if self.transposed else spread)
        return np.asarray(scaled.reshape(self.weights.shape))

    def response(self, inputs: Array) -> Array:
        """Outputs to inputs that are constant in each channel, without padding."""
        each = self.weights_for_scaled_inputs(inputs).astype(np.float64)
        if self.axis == -1:
            return np.asarray(each.sum(0).astype(inputs.dtype))
        return np.asarray(each.sum(axis=tuple(range(1, each.ndim))).astype(inputs.dtype))

    def with_args(self, inputs: Any, weights: Array) -> Any:
        """The call with other arguments; to be normalised."""
        constant = relax.const(np.ascontiguousarray(weights), self.call.ty.dtype)
        return relax.Call(self.call.op, [inputs, constant], self.call.attrs)

    def _grouped(self) -> Array:
        """Weights as (groups, first axis of a group, second axis, rest)."""
        first, second = self.weights.shape[:2]
        return self.weights.reshape(self.groups, first // self.groups, second, -1)

    def _spread(self, vector: Array) -> Array:
        """One value a channel as (groups, 1, channels of a group, 1)."""
        return vector.reshape(self.groups, 1, -1, 1)


def _vector(
    constant: Array, shape: tuple[int, ...], result: tuple[int, ...], axis: int
) -> Array | None:
    """The constant as one value for each index of `axis`, if an operation keeps `shape`."""
    if shape != result or constant.ndim > len(shape):
        return None
    full = constant.reshape((1,) * (len(shape) - constant.ndim) + constant.shape)
    axis %= len(shape)
    if any(extent != 1 for at, extent in enumerate(full.shape) if at != axis):
        return None
    return np.ascontiguousarray(np.broadcast_to(full.reshape(-1), (shape[axis],)))
